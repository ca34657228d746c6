/**
 * The right-hand side of access(5), which policy servers answer with as well (SMTPD_POLICY_README, `action=`): one text, one
 * action. Pure: what it comes to is its caller's business. Never throws: what is no action is a sentence that says why.
 */
import { type Address, parseAddress } from "./address.ts";

/** What a refusal says beside its kind; `null` is what the text left open. */
export interface AccessReply {
  /** Reply code; its first digit fits the action. */
  readonly code: number | null;
  /** Subject and detail of an enhanced status code, like `7.1`; the class follows the reply code, whatever was written. */
  readonly detail: string | null;
  readonly text: string | null;
}

export type AccessAction =
  /** Nothing to say: the next one is asked. DUNNO. */
  | { readonly does: "dunno" }
  /** OK, RELAY, PERMIT, or a number, which is some table's time stamp. */
  | { readonly does: "ok" }
  /** REJECT and 5NN. `isClosing`: 521, after which the connection is closed. */
  | ({ readonly does: "reject"; readonly isClosing: boolean } & AccessReply)
  /** DEFER and 4NN. `isClosing`: 421. */
  | ({ readonly does: "defer"; readonly isClosing: boolean } & AccessReply)
  /** DEFER_IF_PERMIT: if nobody refuses later. DEFER_IF_REJECT: put off what would be refused later. */
  | ({ readonly does: "deferIfPermit" | "deferIfReject" } & AccessReply)
  /** Taken with 250 and thrown away. */
  | { readonly does: "discard"; readonly text: string | null }
  /** Into the hold queue. */
  | { readonly does: "hold"; readonly text: string | null }
  | { readonly does: "prepend"; readonly header: string; readonly value: string }
  /** All recipients become this one. */
  | { readonly does: "redirect"; readonly address: Address }
  /** One recipient more, whom nobody hears of. */
  | { readonly does: "bcc"; readonly address: Address }
  /** `nextHop: null`: the recipient's domain. */
  | { readonly does: "filter"; readonly transport: string; readonly nextHop: string | null }
  /** A line in the log. */
  | { readonly does: "warn" | "info"; readonly text: string | null };

// RFC 3463 2: class, subject and detail without leading zeroes, three digits at most
const STATUS = /^[245]\.((?:0|[1-9]\d{0,2})\.(?:0|[1-9]\d{0,2}))(?:\s+|$)/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
// RFC 5322 2.2: printable US-ASCII but for the colon
const FIELD = /^([\u0021-\u0039\u003b-\u007e]+)\s*:\s*(.*)$/;

/** Parses one action; words are told apart without regard to case. A string says what is wrong with it. */
export function parseAccessAction(raw: string): AccessAction | string {
  const line = raw.replace(CONTROL, " ").trim();
  const end = line.search(/\s/);
  const word = end < 0 ? line : line.slice(0, end);
  const rest = end < 0 ? "" : line.slice(end).trim();
  if (/^\d+$/.test(line)) return { does: "ok" };
  if (/^\d{3}$/.test(word)) return byCode(Number(word), rest);
  const name = word.toUpperCase();
  switch (name) {
    case "DUNNO":
      return { does: "dunno" };
    case "OK":
    case "RELAY":
    case "PERMIT":
      return { does: "ok" };
    case "REJECT":
      return { does: "reject", isClosing: false, ...replyOf(null, rest) };
    case "DEFER":
      return { does: "defer", isClosing: false, ...replyOf(null, rest) };
    case "DEFER_IF_PERMIT":
      return { does: "deferIfPermit", ...replyOf(null, rest) };
    case "DEFER_IF_REJECT":
      return { does: "deferIfReject", ...replyOf(null, rest) };
    case "DISCARD":
      return { does: "discard", text: rest || null };
    case "HOLD":
      return { does: "hold", text: rest || null };
    case "WARN":
      return { does: "warn", text: rest || null };
    case "INFO":
      return { does: "info", text: rest || null };
    case "PREPEND":
      return prepended(rest);
    case "REDIRECT":
      return addressed("redirect", rest);
    case "BCC":
      return addressed("bcc", rest);
    case "FILTER":
      return filtered(rest);
    case "":
      return "there is no action";
    default:
      return `${quoted(word)} is no action of access(5)`;
  }
}

// Postfix takes any three digits and then says 450 or 550 where they are no refusal; here that is a mistake.
function byCode(code: number, rest: string): AccessAction | string {
  if (code < 400 || code > 599) return `${code} is no code of a refusal: 400 to 599 is expected`;
  // RFC 5321 3.8 for 421, RFC 7504 3 for 521: the connection ends with them, as in access(5)
  const isClosing = code === 421 || code === 521;
  return { does: code < 500 ? "defer" : "reject", isClosing, ...replyOf(code, rest) };
}

function replyOf(code: number | null, rest: string): AccessReply {
  const status = STATUS.exec(rest);
  const text = status ? rest.slice(status[0].length) : rest;
  return { code, detail: status?.[1] ?? null, text: text || null };
}

function prepended(rest: string): AccessAction | string {
  const field = FIELD.exec(rest);
  if (!field) return `PREPEND takes a header field, as in "X-Seen: yes", not ${quoted(rest)}`;
  return { does: "prepend", header: field[1] ?? "", value: field[2] ?? "" };
}

function addressed(does: "redirect" | "bcc", rest: string): AccessAction | string {
  const inner = /^<(.*)>$/.exec(rest)?.[1] ?? rest;
  const address = parseAddress(inner);
  if (!address) return `${does.toUpperCase()} takes an address, as in user@example.org, not ${quoted(rest)}`;
  return { does, address };
}

function filtered(rest: string): AccessAction | string {
  const target = /^([A-Za-z0-9][A-Za-z0-9_-]*):(\S*)$/.exec(rest);
  if (!target) return `FILTER takes transport:next-hop, as in smtp:[127.0.0.1]:10025, not ${quoted(rest)}`;
  return { does: "filter", transport: target[1] ?? "", nextHop: target[2] || null };
}

const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
