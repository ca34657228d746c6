import type { ConnectionReader } from "postern/plugin";
import { answerLogin, needsEncryption } from "../authentication.ts";
import { formatReply, mistake, ok, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";
import { type Command, isBare } from "./command.ts";

/** RFC 5034 4 with RFC 4954's bound for a response. */
const RESPONSE_BYTES = 12_288;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const decode = (text: string): Buffer | null => (BASE64.test(text) ? Buffer.from(text, "base64") : null);

/** RFC 5034 4 */
export const auth: Command = {
  validIn: "authorization",
  async run(session, argument) {
    const { connection, services, mechanisms } = session;
    if (argument === null || isBare(argument)) {
      // RFC 5034 6 knows it from CAPA; older clients ask this way.
      const lines = mechanisms.map((name) => `${name}\r\n`).join("");
      await session.send(`${formatReply(ok("mechanisms"), session.language.texts)}${lines}.\r\n`);
      return null;
    }
    const [mechanism = "", initial, ...more] = argument.trimEnd().split(" ");
    if (mechanism === "" || more.length > 0) return mistake("authSyntax");
    if (mechanisms.length === 0) return needsEncryption;
    // RFC 5034 4: a single "=" stands for an empty response.
    const first = initial === undefined ? null : initial === "=" ? Buffer.alloc(0) : decode(initial);
    if (initial !== undefined && first === null) return mistake("notBase64");
    let { step, conversation } = await services.logins.begin(connection.session, mechanism.toUpperCase(), first);
    while (step.at === "challenge") {
      const response = await ask(session, step.data);
      if ("ended" in response) {
        conversation.cancel();
        return response.ended;
      }
      step = await conversation.next(response.octets);
    }
    return answerLogin(session, step);
  },
};

/** `ended`: what the client sent ends the exchange. */
type Response = { readonly octets: Buffer } | { readonly ended: Reply };

async function ask(session: Pop3Session, challenge: Uint8Array): Promise<Response> {
  await session.send(`+ ${Buffer.from(challenge).toString("base64")}\r\n`);
  const line = await responseLine(session.connection.reader);
  if (line === undefined) return { ended: mistake("responseTooLong") };
  // RFC 5034 4: the client gives up.
  if (line === null || line === "*") return { ended: mistake("loginCancelled") };
  const octets = decode(line);
  return octets ? { octets } : { ended: mistake("notBase64") };
}

/** `undefined` for one that is too long, `null` at the end. */
async function responseLine(reader: ConnectionReader): Promise<string | null | undefined> {
  try {
    return (await reader.line(RESPONSE_BYTES))?.toString("latin1") ?? null;
  } catch (fault) {
    if (fault instanceof RangeError) return undefined;
    throw fault;
  }
}
