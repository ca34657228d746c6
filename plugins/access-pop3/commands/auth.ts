import type { ConnectionReader } from "postern/plugin";
import { answerLogin, needsEncryption } from "../authentication.ts";
import { mistake } from "../reply.ts";
import type { Command } from "./command.ts";

/** RFC 5034 4 with RFC 4954's bound for a response. */
const RESPONSE_BYTES = 12_288;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const decode = (text: string): Buffer | null => (BASE64.test(text) ? Buffer.from(text, "base64") : null);

export const auth: Command = {
  validIn: "authorization",
  async run(session, argument) {
    const { connection, services, mechanisms } = session;
    if (argument === null) {
      // RFC 5034 6 knows it from CAPA; older clients ask this way.
      await session.send(`+OK\r\n${mechanisms.map((name) => `${name}\r\n`).join("")}.\r\n`);
      return null;
    }
    const [mechanism = "", initial, ...more] = argument.split(" ");
    if (mechanism === "" || more.length > 0) return mistake("AUTH mechanism [initial-response]");
    if (mechanisms.length === 0) return needsEncryption;
    // RFC 5034 4: a single "=" stands for an empty response.
    const first = initial === undefined ? null : initial === "=" ? Buffer.alloc(0) : decode(initial);
    if (initial !== undefined && first === null) return mistake("Response is not base64");
    let { step, conversation } = await services.logins.begin(connection.session, mechanism.toUpperCase(), first);
    while (step.at === "challenge") {
      await session.send(`+ ${Buffer.from(step.data).toString("base64")}\r\n`);
      const line = await responseLine(connection.reader);
      if (line === undefined) {
        conversation.cancel();
        return mistake("Response is too long");
      }
      if (line === null || line.toString("latin1") === "*") {
        conversation.cancel();
        return mistake("Authentication cancelled");
      }
      const response = decode(line.toString("latin1"));
      if (response === null) {
        conversation.cancel();
        return mistake("Response is not base64");
      }
      step = await conversation.next(response);
    }
    return answerLogin(session, step);
  },
};

/** `undefined` for one that is too long. */
async function responseLine(reader: ConnectionReader): Promise<Buffer | null | undefined> {
  try {
    return await reader.line(RESPONSE_BYTES);
  } catch (fault) {
    if (fault instanceof RangeError) return undefined;
    throw fault;
  }
}
