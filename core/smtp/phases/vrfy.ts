/** VRFY (RFC 5321 3.5.3, 7.3): says nothing about who has a mailbox here. */
import type { Answer, Conversation } from "../conversation.ts";
import { reply } from "../reply.ts";

const tryIt = reply(252, "2.1.5", "Cannot verify, but will take mail and try to deliver it");
const syntax = reply(501, "5.5.4", "Syntax: VRFY address");

export const vrfy = (_: Conversation, argument: string): Answer => (argument.trim() === "" ? syntax : tryIt);
