/**
 * Whether an answer is a verdict that its hook allows, field by field: what the compiler tells authors in TypeScript, told
 * again at run time to those who write JavaScript. Gives the verdict, addresses made whole, or a sentence that says what is
 * wrong. Told apart by the `verdict` field, never by identity. Never throws, but for getters that do.
 */
import type {
  Accept,
  Allow,
  Amend,
  Authenticated,
  Defer,
  Discard,
  Expanded,
  Filed,
  Found,
  Proceed,
  Quarantine,
  Queued,
  Reject,
  Routed,
  Stored,
} from "../contracts/verdicts.ts";
import { wholeAddress } from "./addresses.ts";
import { checkChanges } from "./change-check.ts";
import { checkActions } from "./filing-check.ts";
import type { HookRow } from "./hook-table.ts";
import { nearest } from "./load/nearest.ts";
import { isRecord, isText, isWord, oneLine, show } from "./shown.ts";

export type Verdict =
  | Proceed
  | Allow
  | Amend
  | Accept
  | Reject
  | Defer
  | Discard
  | Quarantine
  | Queued
  | Expanded
  | Routed
  | Stored
  | Authenticated
  | Found
  | Filed;

type Fields = Readonly<Record<string, unknown>>;

export function checkVerdict(row: HookRow, answer: unknown): Verdict | string {
  if (!isRecord(answer)) return noVerdict(answer);
  const name = answer.verdict;
  if (typeof name !== "string") return noVerdict(answer);
  if (!row.verdicts.includes(name)) {
    if (Object.hasOwn(checks, name)) return `"${name}" is no answer to this hook; it takes ${row.verdicts.join(", ")}`;
    const near = nearest(name, row.verdicts);
    return `the verdict ${show(name)} does not exist${near ? `; did you mean "${near}"?` : ""}`;
  }
  return checks[name as keyof typeof checks](answer);
}

function noVerdict(answer: unknown): string {
  if (answer === undefined) return "no verdict: the handler returned nothing; is a return missing?";
  return `no verdict: the handler returned ${show(answer)}`;
}

// Each of these has looked at every field of the type that it claims.
const as = <V extends Verdict>(fields: Fields) => fields as unknown as V;

const checks = {
  proceed: (fields: Fields) => as<Proceed>(fields),
  allow: (fields: Fields) => withReason<Allow>(fields),
  accept: (fields: Fields) => withReason<Accept>(fields),
  discard: (fields: Fields) => withReason<Discard>(fields),
  quarantine: (fields: Fields) => withReason<Quarantine>(fields),
  reject: (fields: Fields) => checkRefusal(fields.refusal, 5) ?? as<Reject>(fields),
  defer: (fields: Fields) => checkRefusal(fields.refusal, 4) ?? as<Defer>(fields),
  amend(fields: Fields): Amend | string {
    const changes = checkChanges(fields.changes);
    return typeof changes === "string" ? changes : { verdict: "amend", changes };
  },
  queued: (fields: Fields) => (isWord(fields.id) ? as<Queued>(fields) : "queued without the id of the message"),
  expanded: checkExpanded,
  routed(fields: Fields): Routed | string {
    if (!isWord(fields.transport)) return "routed without the name of a transport";
    if (fields.nextHop !== null && !isWord(fields.nextHop))
      return "routed with a next hop that is neither a name nor null";
    return isText(fields.concurrencyKey) ? as<Routed>(fields) : "routed without a concurrency key";
  },
  stored(fields: Fields): Stored | string {
    const { identity, secrets, rehash } = fields;
    if (!isIdentity(identity)) return "stored without an identity that has a login";
    if (rehash !== undefined && !isRehash(rehash)) return "stored with a rehash that lacks a known scheme or replace";
    return Array.isArray(secrets) && secrets.every(isText) ? as<Stored>(fields) : "stored without a list of secrets";
  },
  authenticated: (fields: Fields) =>
    isIdentity(fields.identity) ? as<Authenticated>(fields) : "authenticated without an identity that has a login",
  found(fields: Fields): Found | string {
    const { account } = fields;
    if (!isRecord(account) || !isWord(account.login)) return "found without an account that has a login";
    if (!isText(account.home) || account.home === "") return "found an account without a home";
    const { quotaBytes, quotaMessages, addresses } = account;
    if (quotaBytes !== null && (typeof quotaBytes !== "number" || !(quotaBytes >= 0))) {
      return "found an account whose quotaBytes is neither a number nor null";
    }
    const isCount = quotaMessages === undefined || quotaMessages === null || Number(quotaMessages) >= 0;
    if (!isCount) return "found an account whose quotaMessages is neither a number nor null";
    const isList = Array.isArray(addresses) && addresses.every((address) => wholeAddress(address) !== null);
    return isList ? as<Found>(fields) : "found an account without a list of addresses";
  },
  filed(fields: Fields): Filed | string {
    const actions = checkActions(fields.actions);
    return typeof actions === "string" ? actions : { verdict: "filed", actions };
  },
} satisfies { [V in Verdict["verdict"]]: (fields: Fields) => Verdict | string };

const withReason = <V extends Verdict>(fields: Fields): V | string =>
  isText(fields.reason) ? as<V>(fields) : `${show(fields.verdict)} without a reason`;

const isRehash = (value: unknown): boolean =>
  isRecord(value) &&
  (value.scheme === "ARGON2ID" || value.scheme === "SCRAM-SHA-256") &&
  typeof value.replace === "function";

const isIdentity = (value: unknown): boolean => isRecord(value) && isWord(value.login);

/** A reply line has at most 512 octets (RFC 5321 4.5.3.1.5); a longer text is spread over several, within reason. */
const refusalLimit = 2000;

function checkRefusal(refusal: unknown, codeClass: 4 | 5): string | null {
  if (!isRecord(refusal)) return "a refusal without a text";
  const { text, code, detail, close, unlessAuthenticated } = refusal;
  if (!isText(text) || text.trim() === "") return "a refusal without a text";
  if (text.length > refusalLimit) return `a refusal of ${text.length} characters; ${refusalLimit} at most`;
  if (!oneLine(text)) return "a refusal with line ends or control characters in its text";
  if (code !== undefined && !(Number.isInteger(code) && Math.floor(Number(code) / 100) === codeClass)) {
    return `the code ${show(code)} does not go with this verdict; it takes ${codeClass}00 to ${codeClass}99`;
  }
  if (detail !== undefined && !(isText(detail) && /^[0-7]\.(?:0|[1-9]\d{0,2})$/.test(detail))) {
    return `the detail ${show(detail)} is no subject and detail such as "7.1"; the class is not written by hand`;
  }
  for (const flag of [close, unlessAuthenticated]) {
    if (flag !== undefined && typeof flag !== "boolean")
      return "a refusal whose close or unlessAuthenticated is no boolean";
  }
  return null;
}

function checkExpanded(fields: Fields): Expanded | string {
  const { to, reversePath, grantsRelay } = fields;
  if (!Array.isArray(to)) return "expanded without a list of targets";
  const targets: Expanded["to"][number][] = [];
  for (const target of to) {
    const address = isRecord(target) ? wholeAddress(target.address) : null;
    if (!address) return "expanded to a target that has no address";
    const { notify } = target;
    if (notify !== undefined && !(notify instanceof Set)) return "expanded to a target whose notify is no set";
    targets.push(notify === undefined ? { address } : { address, notify });
  }
  if (grantsRelay !== undefined && typeof grantsRelay !== "boolean")
    return "expanded with a grantsRelay that is no yes or no";
  const grant = grantsRelay === undefined ? {} : { grantsRelay };
  if (reversePath === undefined) return { verdict: "expanded", to: targets, ...grant };
  const sender = reversePath === null ? null : wholeAddress(reversePath);
  if (reversePath !== null && sender === null) return "expanded with a reverse-path that is no address";
  return { verdict: "expanded", to: targets, reversePath: sender, ...grant };
}
