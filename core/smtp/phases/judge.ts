/** What becomes of a policy hook's answer: nothing, a refusal that waits for RCPT, or a reply at once. */
import type { PolicyResult } from "../../contracts/kernel.ts";
import type { Conversation } from "../conversation.ts";
import type { Reply } from "../reply.ts";
import { type StandingRefusal, standing } from "../standing-refusals.ts";
import { closesAtOnce, verdictToReply } from "../verdict-reply.ts";

type DelayableHook = "connect" | "helo" | "tls" | "mailFrom";

/** `null`: go on. */
export function judge(conversation: Conversation, hook: DelayableHook, { verdict, by }: PolicyResult): Reply | null {
  if (verdict.verdict !== "reject" && verdict.verdict !== "defer") {
    conversation.refusals.forget(hook);
    return null;
  }
  const refusal = standing(hook, verdict, by);
  const isAtOnce = closesAtOnce(refusal.refusal) || !(conversation.parts.config.delayReject || mayLapse(refusal));
  if (isAtOnce) {
    logRefusal(conversation, refusal, {});
    return verdictToReply(hook, refusal);
  }
  conversation.refusals.set(refusal);
  return null;
}

/** A client that may still authenticate is let as far as AUTH, also without `delayReject`. */
const mayLapse = ({ hook, refusal }: StandingRefusal): boolean =>
  hook !== "mailFrom" && refusal.unlessAuthenticated === true;

export function logRefusal(conversation: Conversation, refusal: StandingRefusal, fields: object): void {
  const { hook, by, refusal: said } = refusal;
  conversation.log.info({ hook, plugin: by, reason: said.text, ...fields }, "refused");
}
