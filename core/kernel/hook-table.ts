/**
 * The hook table as data: what `contracts/hooks.ts` says as types, for the guard, for `postern explain` and for the reference
 * page, which is generated from it. Adding a hook means a line there and a row here; the compiler compares the two.
 */
import type { AllHooks, HookName } from "../contracts/hooks.ts";
import type { StatusDetail } from "../contracts/verdicts.ts";

export type HookKind = "policy" | "claim" | "transform" | "share" | "notice";

/** What a fault of a handler answers: a temporary refusal with this code and detail. */
export interface FaultAnswer {
  readonly code: number;
  readonly detail: StatusDetail;
  readonly text: string;
  /** The client is told at once and the connection ends. */
  readonly close?: true;
}

/** Names of what a handler is asked with; `call` comes last and is not listed. */
export type ArgumentName =
  | "session"
  | "envelope"
  | "delivery"
  | "name"
  | "attempt"
  | "reversePath"
  | "recipient"
  | "message"
  | "query"
  | "account"
  | "login"
  | "failure"
  | "outcome";

type Answer<H extends HookName> = ReturnType<AllHooks[H]>;
export type VerdictName<H extends HookName = HookName> =
  Answer<H> extends infer A ? (A extends { readonly verdict: infer V } ? V : never) : never;

export interface HookRow<V extends string = string> {
  readonly kind: HookKind;
  readonly arguments: readonly ArgumentName[];
  /** What a handler may answer; empty for notices. */
  readonly verdicts: readonly V[];
  /** Default; a config entry may say otherwise. */
  readonly timeoutMs: number;
  /** `false`: at the time-out the signal fires, and the handler is waited for all the same. */
  readonly isRaced: boolean;
  /** `null`: a fault is only logged. */
  readonly fault: FaultAnswer | null;
  /** For the reference: when it is asked, and what happens if no plugin answers. */
  readonly when: string;
  readonly unanswered: string;
}

type Table = { readonly [H in HookName]: HookRow<VerdictName<H>> };

const second = 1000;
const minute = 60 * second;

const tryLater = (code: number, detail: StatusDetail): FaultAnswer => ({ code, detail, text: "Try again later" });
const shut: FaultAnswer = { code: 421, detail: "3.0", text: "Service not available, try again later", close: true };
const login: FaultAnswer = { code: 454, detail: "7.0", text: "Temporary authentication failure" };
const smtp = tryLater(451, "3.0");

const policy = { kind: "policy", isRaced: true, timeoutMs: 30 * second, fault: smtp, unanswered: "go on" } as const;
const claim = { kind: "claim", isRaced: true, timeoutMs: 30 * second, fault: smtp } as const;
const transform = { kind: "transform", isRaced: true, timeoutMs: 2 * minute, fault: smtp } as const;
const notice = {
  kind: "notice",
  isRaced: true,
  timeoutMs: minute,
  fault: null,
  verdicts: [],
  unanswered: "-",
} as const;

const ask = ["proceed", "allow", "reject", "defer"] as const;
const amendable = ["proceed", "allow", "amend", "reject", "defer"] as const;

export const hookTable = {
  connect: {
    ...policy,
    arguments: ["session"],
    verdicts: ask,
    fault: shut,
    when: "TCP accepted (after PROXY), before the banner",
  },
  helo: { ...policy, arguments: ["session", "name"], verdicts: ask, when: "HELO, EHLO, LHLO" },
  tls: { ...policy, arguments: ["session"], verdicts: ask, when: "a TLS handshake has ended" },
  authAttempt: {
    ...policy,
    arguments: ["session", "attempt"],
    verdicts: ask,
    fault: login,
    when: "before a login is tried, in every protocol (throttling)",
  },
  credentials: {
    ...claim,
    arguments: ["query"],
    verdicts: ["proceed", "stored", "defer"],
    fault: login,
    when: "what is stored for this login? One back end wins before the first challenge",
    unanswered: "a stable fake, then failure",
  },
  auth: {
    ...claim,
    arguments: ["attempt", "session"],
    verdicts: ["proceed", "authenticated", "reject", "defer"],
    fault: login,
    when: "a password, token or certificate to check (LDAP bind, PAM, OAuth)",
    unanswered: "535 5.7.8",
  },
  findAccount: {
    ...claim,
    arguments: ["query"],
    verdicts: ["proceed", "found", "defer"],
    when: "who is this address or login?",
    unanswered: "unknown",
  },
  findDomain: {
    ...claim,
    arguments: ["query"],
    verdicts: ["proceed", "accept", "defer"],
    when: "do addresses of this domain live here?",
    unanswered: "foreign",
  },
  mailFrom: { ...policy, arguments: ["envelope", "reversePath"], verdicts: amendable, when: "MAIL FROM" },
  destination: {
    ...claim,
    arguments: ["envelope", "recipient"],
    verdicts: ["proceed", "accept", "reject", "defer"],
    when: "RCPT TO: does this server take mail for this address from this client? Core answers for known accounts",
    unanswered: "550 5.7.1 relay denied",
  },
  expand: {
    ...claim,
    arguments: ["recipient", "envelope"],
    verdicts: ["proceed", "expanded", "reject", "defer"],
    when: "per recipient, at RCPT already: aliases, lists, forwards; core recurses, dedupes and guards against loops",
    unanswered: "unchanged",
  },
  rcptTo: {
    ...policy,
    arguments: ["envelope", "recipient"],
    verdicts: amendable,
    when: "RCPT TO, after `destination` and `expand`",
  },
  data: { ...policy, arguments: ["envelope"], verdicts: amendable, when: "DATA or first BDAT, before 354" },
  message: {
    ...policy,
    arguments: ["envelope", "message"],
    verdicts: [...amendable, "discard", "quarantine"],
    timeoutMs: 2 * minute,
    when: "the whole content is here, nothing is promised yet",
  },
  messageFor: {
    ...policy,
    arguments: ["envelope", "message", "recipient"],
    verdicts: [...ask, "discard", "quarantine"],
    timeoutMs: 2 * minute,
    when: "the same per recipient: LMTP and PRDR answer each",
  },
  prepare: {
    ...transform,
    arguments: ["envelope", "message"],
    verdicts: ["proceed", "amend"],
    when: "after `message` and `messageFor`: completion, canonical and masquerade maps, for every origin",
    unanswered: "unchanged",
  },
  sign: {
    ...transform,
    arguments: ["envelope", "message"],
    verdicts: ["proceed", "amend"],
    when: "after Received is added; last, nothing edits later (DKIM, ARC)",
    unanswered: "unchanged",
  },
  queue: {
    ...claim,
    arguments: ["envelope", "message"],
    verdicts: ["proceed", "queued", "reject", "defer"],
    timeoutMs: 5 * minute,
    isRaced: false,
    when: "take responsibility for the message",
    unanswered: "the core spool",
  },
  route: {
    ...claim,
    arguments: ["recipient", "envelope"],
    verdicts: ["proceed", "routed", "reject", "defer"],
    timeoutMs: minute,
    when: "per recipient, when due: transport, next hop, concurrency key",
    unanswered: "deferred 4.3.5",
  },
  deliver: {
    kind: "share",
    arguments: ["delivery"],
    verdicts: ["proceed"],
    timeoutMs: 30 * minute,
    isRaced: false,
    fault: smtp,
    when: "hand over; each recipient is settled durably, one by one",
    unanswered: "deferred 4.3.5",
  },
  fileInto: {
    ...claim,
    arguments: ["recipient", "delivery", "account"],
    verdicts: ["proceed", "filed", "defer"],
    timeoutMs: minute,
    when: "a message is about to enter a mailbox (Sieve)",
    unanswered: "keep in INBOX",
  },
  login: { ...notice, arguments: ["session"], when: "a client has authenticated" },
  authFailed: {
    ...notice,
    arguments: ["session", "login", "failure"],
    when: "wrong credentials; not where `authAttempt` refused, as nothing was checked then",
  },
  transactionEnd: { ...notice, arguments: ["envelope"], when: "a transaction ended, however it did" },
  disconnect: { ...notice, arguments: ["session"], when: "a client has gone" },
  queued: { ...notice, arguments: ["envelope"], when: "a message is durable and the client has been told" },
  settled: {
    ...notice,
    arguments: ["delivery", "recipient", "outcome"],
    when: "a recipient got an outcome",
  },
  bounced: { ...notice, arguments: ["envelope", "recipient", "outcome"], when: "a bounce was made for a recipient" },
} as const satisfies Table;

export const hookNames = Object.keys(hookTable) as readonly HookName[];

export const isHookName = (name: string): name is HookName => Object.hasOwn(hookTable, name);

/** The row without its literal types. */
export const hookRow = (hook: HookName): HookRow => hookTable[hook];

/** Hooks whose chain depends on the client's listener: `when` of an entry applies to them. */
export const carriesSession = (row: HookRow): boolean =>
  row.arguments.some((name) => name === "session" || name === "envelope" || name === "delivery");
