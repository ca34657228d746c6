/** QUIT (RFC 5321 4.1.1.10) */
import type { Answer, Conversation } from "../conversation.ts";
import { noParameters } from "../replies.ts";
import { reply } from "../reply.ts";

const goodBye = reply(221, "2.0.0", "Good-bye", { closes: true });

export function quit(conversation: Conversation, argument: string): Answer {
  if (argument.trim() !== "") return noParameters;
  conversation.endTransaction();
  conversation.hasQuit = true;
  return goodBye;
}
