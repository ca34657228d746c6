/**
 * What an action of access(5) comes to as a verdict. What concerns the whole message but is said of one recipient
 * (DISCARD, REDIRECT) is kept until the message is here.
 */
import type { AccessAction, AccessReply } from "postern/mail";
import {
  type Allow,
  type Amend,
  allow,
  amend,
  type Change,
  type Defer,
  defer,
  fillText,
  type Proceed,
  proceed,
  type Refusal,
  type Reject,
  reject,
  type StatusDetail,
} from "postern/plugin";

export type Outcome =
  | { readonly at: "now"; readonly verdict: Proceed | Allow | Amend | Reject | Defer }
  | { readonly at: "discard"; readonly reason: string }
  | { readonly at: "redirect"; readonly change: Change };

export interface Texts {
  readonly reject: string;
  readonly defer: string;
}

const now = (verdict: Proceed | Allow | Amend | Reject | Defer): Outcome => ({ at: "now", verdict });

export function outcomeOf(action: AccessAction, server: string, texts: Texts): Outcome {
  switch (action.does) {
    case "ok":
      return now(allow(`policy server ${server}`));
    case "reject":
      return now(reject(textOf(action, texts.reject), how(action, action.isClosing)));
    case "defer":
      return now(defer(textOf(action, texts.defer), how(action, action.isClosing)));
    case "deferIfPermit":
      // Nothing later can turn a refusal into more than that, so it is given at once.
      return now(defer(textOf(action, texts.defer), how(action, false)));
    case "discard":
      return { at: "discard", reason: action.text ?? `policy server ${server}` };
    case "redirect":
      return { at: "redirect", change: { op: "redirect", address: action.address } };
    case "hold":
      return now(amend({ op: "hold", reason: action.text ?? `policy server ${server}` }));
    case "prepend":
      return now(amend({ op: "prepend", header: action.header, value: action.value }));
    case "bcc":
      return now(amend({ op: "addRecipient", address: action.address, notify: new Set(["never"]) }));
    case "filter":
      return now(amend({ op: "route", transport: action.transport, nextHop: action.nextHop }));
    // DEFER_IF_REJECT only softens what others would say later; nobody can take a refusal back here.
    case "deferIfReject":
    case "dunno":
    case "warn":
    case "info":
      return now(proceed);
  }
}

const textOf = ({ text }: AccessReply, otherwise: string): string => fillText(text ?? otherwise, {});

function how({ code, detail }: AccessReply, isClosing: boolean): Omit<Refusal, "text"> {
  return {
    ...(code !== null && { code }),
    // Its form is checked; the registry of codes may grow.
    detail: (detail ?? "7.1") as StatusDetail,
    ...(isClosing && { close: true }),
  };
}
