/** RSET (RFC 5321 4.1.1.5): forgets the transaction, keeps who the client is. */
import type { Answer, Conversation } from "../conversation.ts";
import { noParameters, ok } from "../replies.ts";

export function rset(conversation: Conversation, argument: string): Answer {
  if (argument.trim() !== "") return noParameters;
  conversation.endTransaction();
  return ok;
}
