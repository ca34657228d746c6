/** AUTHENTICATE (RFC 3501 6.2.2) with an initial response (RFC 4959). */
import { mechanismsOf } from "../capabilities.ts";
import { answerLogin } from "../login-result.ts";
import { bad, no, type Reply } from "../reply.ts";
import type { ImapSession } from "../session.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

/** RFC 4422 leaves it open; Kerberos tickets and tokens are the longest. */
const maxResponseBytes = 65_536;

export const authenticate = defineCommand({
  validIn: "notAuthenticated",
  parse(parser) {
    parser.space();
    const mechanism = parser.atom().toUpperCase();
    let initial: Buffer | null = null;
    if (parser.peek() === " ") {
      parser.space();
      // RFC 4959 3: "=" is a response of no octets.
      const text = parser.take("=") ? "" : parser.astring();
      initial = decodeBase64(text);
      if (initial === null) throw new SyntaxFault("Initial response is not base64");
    }
    parser.end();
    return { mechanism, initial };
  },
  async run({ session }, { mechanism, initial }) {
    const { logins } = session.services;
    if (mechanismsOf(session.connection, logins).length === 0)
      return no("Logins are disabled here, start TLS first", "PRIVACYREQUIRED");
    const { step: first, conversation } = await logins.begin(session.connection.session, mechanism, initial);
    let step = first;
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
});

type Response = { readonly octets: Buffer } | { readonly ended: Reply | null };

/** `ended`: what the client sent ends the exchange; `null` if it has gone. */
async function ask(session: ImapSession, challenge: Uint8Array): Promise<Response> {
  session.out.line(`+ ${Buffer.from(challenge).toString("base64")}`);
  await session.out.flush();
  let line: Buffer | null;
  try {
    line = await session.waitForLine(maxResponseBytes);
  } catch (fault) {
    if (!(fault instanceof RangeError)) throw fault;
    return { ended: no("Response is too long", "LIMIT") };
  }
  if (line === null) return { ended: null };
  const text = line.toString("latin1");
  // RFC 3501 6.2.2
  if (text === "*") return { ended: bad("Authentication cancelled") };
  const octets = decodeBase64(text);
  return octets ? { octets } : { ended: bad("Response is not base64") };
}

function decodeBase64(text: string): Buffer | null {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, "base64") : null;
}
