import { formatReply, mistake, ok, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import { languageFor, languages } from "../texts/languages.ts";
import { type Command, isBare } from "./command.ts";

/** RFC 6856 3.2: the language of replies, from this one on; without an argument, those there are. */
export const lang: Command = {
  validIn: "any",
  run(session, argument) {
    if (argument === null || isBare(argument)) return list(session);
    const language = languageFor(argument.trim());
    // RFC 6856 3.2: the answer names the language it is in.
    if (!language) return tagged(session, mistake("languageUnknown"));
    session.language = language;
    return tagged(session, ok("languageChanged"));
  },
};

const tagged = (session: Pop3Session, reply: Reply): Reply => ({ ...reply, data: session.language.tag });

function list(session: Pop3Session): null | Promise<null> {
  const lines = languages.map(({ tag, name }) => `${tag} ${name}\r\n`).join("");
  const wait = session.send(`${formatReply(ok("languages"), session.language.texts)}${lines}.\r\n`);
  return wait ? wait.then(() => null) : null;
}
