/** From the right-hand side of a table to what becomes of the mail: an answer now, or an effect that waits for the message. */
import { type AccessAction, type AccessReply, parseAccessAction } from "postern/mail";
import {
  type Allow,
  allow,
  type Change,
  type Defer,
  defer,
  fillText,
  type Reject,
  reject,
  type StatusDetail,
} from "postern/plugin";

export interface Softening {
  /** DEFER_IF_REJECT: said in the place of a later refusal. */
  insteadOfReject: Defer | null;
}

/** What waits until the message is here: before that, no hook takes it. */
export interface Effects extends Softening {
  readonly changes: Change[];
  discard: string | null;
  /** DEFER_IF_PERMIT: said at DATA, when nobody has refused everybody. */
  deferral: Defer | null;
}

export const noEffects = (): Effects => ({ changes: [], discard: null, deferral: null, insteadOfReject: null });

export const saysAnything = ({ changes, discard: reason, deferral, insteadOfReject }: Effects): boolean =>
  changes.length > 0 || reason !== null || deferral !== null || insteadOfReject !== null;

export interface Texts {
  readonly refused: string;
  readonly denied: string;
  readonly unavailable: string;
  readonly misconfigured: string;
}

export interface Occasion {
  readonly what: string;
  readonly subject: string;
  /** The action `OK` means nothing here. */
  readonly isUntrusted: boolean;
  /** It is about one recipient, who is answered now. */
  readonly isOfRecipient: boolean;
  readonly unlessAuthenticated: boolean;
}

export interface Acting {
  readonly effects: Effects;
  /** Of the transaction, or of the one recipient that it is about. */
  readonly softening: Softening;
  readonly texts: Texts;
  /** The operator's slip: told in the log, and the mail waits. */
  readonly mistake: (text: string) => void;
  readonly note: (level: "info" | "warn", text: string | null) => void;
}

export type Outcome = Allow | Reject | Defer | null;

/** `null`: the next check is made. */
export function act(value: string, occasion: Occasion, acting: Acting): Outcome {
  const action = parseAccessAction(value);
  const mistake = mistakeIn(value, occasion.isUntrusted);
  if (typeof action === "string" || mistake !== null) return misconfigured(mistake ?? "", acting);
  return perform(action, occasion, acting);
}

/** Postfix's restrictions, which stand in access(5) tables as well: `permit_mynetworks`, `reject_unknown_client_hostname`. */
const RESTRICTION = /^\s*(permit|reject|check|defer|warn)_/i;

/** What is wrong with a value; `null`: nothing. */
export function mistakeIn(value: string, isUntrusted: boolean): string | null {
  const action = parseAccessAction(value);
  if (typeof action === "string")
    return RESTRICTION.test(value) ? `${action}; names of restrictions are plugins of their own here` : action;
  return action.does === "ok" && isUntrusted
    ? "OK is no answer about servers that anybody can name; write DUNNO"
    : null;
}

function perform(action: AccessAction, occasion: Occasion, acting: Acting): Outcome {
  const { effects } = acting;
  switch (action.does) {
    case "dunno":
      return null;
    case "ok":
      return allow(`${occasion.what} in an access table`);
    case "reject":
    case "defer":
      return refusal(action.does, action, action.isClosing, occasion, acting.texts);
    case "deferIfPermit": {
      const deferral = refusal("defer", action, false, occasion, acting.texts) as Defer;
      if (occasion.isOfRecipient) return deferral;
      effects.deferral ??= deferral;
      return null;
    }
    case "deferIfReject":
      acting.softening.insteadOfReject ??= refusal("defer", action, false, occasion, acting.texts) as Defer;
      return null;
    case "discard":
      effects.discard ??= action.text ?? `${occasion.what} in an access table`;
      return null;
    case "hold":
      effects.changes.push({ op: "hold", reason: action.text ?? `${occasion.what} in an access table` });
      return null;
    case "prepend":
      effects.changes.push({ op: "prepend", header: action.header, value: action.value });
      return null;
    case "redirect":
      effects.changes.push({ op: "redirect", address: action.address });
      return null;
    case "bcc":
      effects.changes.push({ op: "addRecipient", address: action.address, notify: new Set(["never"]) });
      return null;
    case "filter":
      effects.changes.push({ op: "route", transport: action.transport, nextHop: action.nextHop });
      return null;
    case "warn":
    case "info":
      acting.note(action.does, action.text);
      return null;
  }
}

/** DEFER_IF_REJECT, said before: what would be refused is put off. */
export function softened(outcome: Outcome, said: readonly Softening[]): Outcome {
  if (outcome?.verdict !== "reject") return outcome;
  const instead = said.find(({ insteadOfReject }) => insteadOfReject !== null)?.insteadOfReject;
  if (!instead) return outcome;
  // Whether it lapses is the refusal's affair.
  const { unlessAuthenticated = false } = outcome.refusal;
  return { verdict: "defer", refusal: { ...instead.refusal, unlessAuthenticated } };
}

/** access_map_reject_code, access_map_defer_code. */
function refusal(
  verdict: "reject" | "defer",
  { code, detail, text }: AccessReply,
  close: boolean,
  { what, subject, unlessAuthenticated }: Occasion,
  texts: Texts,
): Reject | Defer {
  const said = fillText(texts.refused, { subject, what, text: text ?? texts.denied });
  const how = {
    code: code ?? (verdict === "reject" ? 554 : 450),
    detail: (detail ?? "7.1") as StatusDetail,
    ...(close && { close }),
    ...(unlessAuthenticated && !close && { unlessAuthenticated }),
  };
  return verdict === "reject" ? reject(said, how) : defer(said, how);
}

function misconfigured(text: string, { texts, mistake }: Acting): Defer {
  mistake(text);
  return defer(texts.misconfigured, { code: 451, detail: "3.5" });
}
