/**
 * One delivery over SMTP: the hosts of the next hop in their order, each with all its addresses, then the fallback relays, until each recipient has a
 * final answer or nobody is left to ask. A recipient that every host put off is deferred with the last answer.
 */
import { parseNextHop } from "postern/mail";
import type {
  Delivery,
  Log,
  NextHops,
  Outbound,
  OutboundFacts,
  OutboundLogin,
  OutboundRequest,
  OutboundResult,
  Outcome,
  Recipient,
  RecipientAnswer,
  RemoteReply,
  TlsRequirement,
} from "postern/plugin";
import { type Place, placesOf } from "./places.ts";
import type { TlsChoice } from "./tls/host-tls.ts";

export interface RelayOptions {
  readonly nextHops: Pick<NextHops, "hosts">;
  readonly outbound: Outbound;
  readonly log: Log;
  readonly port: number;
  /** Next hops that are asked when the usual ones cannot be reached. */
  readonly fallbackRelays: readonly string[];
  /** Rejects where it cannot be told now. */
  tlsFor(
    host: { readonly name: string; readonly port: number },
    nextHop: string,
    signal: AbortSignal,
  ): TlsChoice | Promise<TlsChoice>;
  /** Whether a host that DNS named is one of the destination, for mail that insists on TLS. Rejects where it cannot be told now. */
  isHostSafe(host: string, nextHop: string, signal: AbortSignal): Promise<"yes" | "no" | "unknown">;
  /** Told of each conversation. */
  report(nextHop: string, host: string, facts: OutboundFacts): void;
  /** `null`: nobody logs in there. Rejects where that cannot be told now. */
  loginFor(host: string, nextHop: string): OutboundLogin | null | Promise<OutboundLogin | null>;
  readonly isForwarding: boolean;
  readonly conversation: Pick<OutboundRequest, "source" | "timeouts" | "reuse" | "helloName">;
}

/** What stays the same for all addresses of a host. */
type Standing = Omit<OutboundRequest, "recipients" | "place">;

const misconfigured = (text: string): RemoteReply => ({ code: 451, status: "4.3.5", text, host: null });

export async function relay(delivery: Delivery, options: RelayOptions, signal: AbortSignal): Promise<void> {
  await new Relay(delivery, options, signal).run();
}

class Relay {
  readonly #delivery: Delivery;
  readonly #options: RelayOptions;
  readonly #signal: AbortSignal;
  readonly #waiting: Map<number, Recipient>;
  /** What was heard last, and from whom: it goes into the log and the report. */
  #last: Pick<Outcome, "reply" | "speaksOf"> = { reply: misconfigured("No host was tried") };
  /** Some host took part in a transaction, so the destination works. */
  #isReached = false;
  /** The next hop itself cannot be found, for good. */
  #isUnknown = false;
  /** A host may have the message: whoever tries elsewhere now sends it twice. */
  #isLost = false;
  /** Of REQUIRETLS: hosts that have shown that they cannot keep it. */
  readonly #withoutPromise = new Set<string>();
  /** Some host has not shown that, so it may yet keep it. */
  #mayBePromised = false;

  constructor(delivery: Delivery, options: RelayOptions, signal: AbortSignal) {
    this.#delivery = delivery;
    this.#options = options;
    this.#signal = signal;
    this.#waiting = new Map(delivery.recipients.map((recipient) => [recipient.id, recipient]));
  }

  get #isOver(): boolean {
    return this.#waiting.size === 0 || this.#isLost || this.#signal.aborted;
  }

  async run(): Promise<void> {
    const usual = this.#delivery.route.nextHop ?? "";
    for (const nextHop of [usual, ...this.#options.fallbackRelays]) {
      if (this.#isOver || (nextHop !== usual && this.#isReached)) break;
      await this.#tryNextHop(nextHop);
    }
    const { requiresTls } = this.#delivery.envelope;
    // RFC 8689 4.2.1: where every host was seen, and none of them can keep the promise, the message goes back
    const isEachSeen = this.#withoutPromise.size > 0 && !this.#mayBePromised && !this.#signal.aborted;
    if (requiresTls && isEachSeen)
      await this.#settleAll({ at: "failed", reply: noRequireTls([...this.#withoutPromise]) });
    else await this.#settleAll({ at: this.#isUnknown && !this.#isReached ? "failed" : "deferred", ...this.#last });
  }

  async #settleAll(outcome: Outcome): Promise<void> {
    for (const recipient of [...this.#waiting.values()]) await this.#settle(recipient, outcome);
  }

  async #settle(recipient: Recipient, outcome: Outcome): Promise<void> {
    this.#waiting.delete(recipient.id);
    await this.#delivery.settle(recipient, outcome);
  }

  async #tryNextHop(raw: string): Promise<void> {
    const nextHop = parseNextHop(raw);
    if (!nextHop) {
      this.#mayBePromised = true;
      this.#last = { reply: misconfigured(`No next hop: ${raw}`) };
      return;
    }
    const port = nextHop.port ?? this.#options.port;
    const found = await this.#options.nextHops.hosts({ ...nextHop, port }, this.#signal);
    if (found.at !== "found") {
      // A domain that takes no mail, or leads back to us, is an answer; one that cannot be found may be known to somebody else.
      const isAnswer = found.at === "failed" && found.reply.status !== "5.1.2";
      if (isAnswer) return this.#settleAll({ at: "failed", reply: found.reply });
      this.#mayBePromised ||= found.at === "deferred";
      this.#isUnknown = found.at === "failed" && raw === this.#delivery.route.nextHop;
      this.#last = { reply: found.reply };
      return;
    }
    this.#isUnknown = false;
    for (const place of placesOf(found.hosts, port)) {
      if (this.#isOver) return;
      await this.#tryPlace(place, raw);
    }
  }

  /** RFC 5321 5.1: each address in its turn, until the delivery succeeds. */
  async #tryPlace(place: Place, nextHop: string): Promise<void> {
    const { name, port } = place;
    let request: Standing | null = null;
    try {
      request = await this.#request(place, nextHop);
    } catch (cause) {
      this.#options.log.warn(
        { err: cause, host: name },
        "a host is not asked: what its connection needs cannot be told",
      );
      this.#last = { reply: misconfigured(`What a connection to ${name} needs cannot be told at present`) };
    }
    if (request === null) {
      this.#mayBePromised ||= !this.#withoutPromise.has(name);
      return;
    }
    let { addresses } = place;
    while (addresses.length > 0 && !this.#isOver) {
      const recipients = [...this.#waiting.values()];
      const result = await this.#options.outbound.send({ recipients, place: { name, addresses, port }, ...request });
      this.#options.report(nextHop, name, result.facts);
      const { address } = result.facts;
      const tried = address === null ? addresses : [address];
      if (isWithoutPromise(result)) this.#withoutPromise.add(name);
      else this.#mayBePromised = true;
      await this.#take(result);
      addresses = addresses.filter((one) => !tried.includes(one));
    }
  }

  async #request({ name, port }: Place, nextHop: string): Promise<Standing | null> {
    const { envelope, message } = this.#delivery;
    const { conversation, isForwarding } = this.#options;
    if (envelope.requiresTls && !(await this.#isSafe(name, nextHop))) return null;
    const choosing = this.#options.tlsFor({ name, port }, nextHop, this.#signal);
    const choice = choosing instanceof Promise ? await choosing : choosing;
    if (choice.at === "defer") {
      this.#last = { reply: choice.reply, speaksOf: "destination" };
      return null;
    }
    const login = this.#options.loginFor(name, nextHop);
    return {
      protocol: "smtp",
      tls: envelope.requiresTls ? withPromise(choice.requirement) : choice.requirement,
      login: login instanceof Promise ? await login : login,
      forwards: isForwarding ? envelope : null,
      envelope,
      message,
      signal: this.#signal,
      // Last: V8 takes much longer to add known fields to a copy than to copy into an object that has them.
      ...conversation,
    };
  }

  /** RFC 8689 4.2.1, step 2 */
  async #isSafe(host: string, nextHop: string): Promise<boolean> {
    const safe = await this.#options.isHostSafe(host, nextHop, this.#signal);
    if (safe === "no") this.#withoutPromise.add(host);
    else if (safe === "unknown")
      this.#last = {
        reply: misconfigured(`Whether ${host} is the server that it should be cannot be told at present`),
      };
    return safe === "yes";
  }

  async #take(result: OutboundResult): Promise<void> {
    if (result.at === "unreachable") {
      this.#last = { reply: result.reply, ...(this.#isReached ? {} : { speaksOf: "destination" as const }) };
      return;
    }
    this.#isReached = true;
    const isDsnPassedOn = result.at === "answered" && result.isDsnPassedOn;
    for (const recipient of [...this.#waiting.values()]) {
      const answer = result.answers.get(recipient.id);
      if (answer === undefined) continue;
      this.#last = spokenOf(answer);
      // RFC 5321 5.1: put off, another host may take it
      if (!isFinal(answer.reply)) continue;
      await this.#settle(recipient, outcomeOf(answer, isDsnPassedOn));
    }
    if (result.at !== "lost") return;
    this.#isLost = true;
    this.#last = { reply: result.reply, speaksOf: "destination" };
  }
}

/** What is wrong will be so the next time. A handshake that breaks off, or a host that is short of something now, is not. */
function isWithoutPromise(result: OutboundResult): boolean {
  if (result.at !== "unreachable" || result.phase !== "tls") return false;
  const { reply, facts } = result;
  if (reply.code >= 500) return true;
  return reply.host === null && facts.tlsFault !== null && facts.tlsFault.kind !== "validation-failure";
}

const isFinal = ({ code }: RemoteReply): boolean => code < 300 || code >= 500;

function outcomeOf(answer: RecipientAnswer, isDsnPassedOn: boolean): Outcome {
  const { reply } = answer;
  return reply.code >= 500 ? { at: "failed", ...spokenOf(answer) } : { at: "relayed", reply, isDsnPassedOn };
}

/** 421 speaks of the host, whatever it answers. */
function spokenOf({ reply, phase }: RecipientAnswer): Pick<Outcome, "reply" | "speaksOf"> {
  if (reply.code === 421) return { reply, speaksOf: "destination" };
  return { reply, speaksOf: phase === "rcpt" ? "recipient" : "message" };
}

/** RFC 8689 4.2.1: REQUIRETLS asks for a certificate that fits, whatever the transport is content with. */
const withPromise = (requirement: TlsRequirement): TlsRequirement =>
  requirement.level === "implicit" ? requirement : { ...requirement, level: "verified" };

const noRequireTls = (hosts: readonly string[]): RemoteReply => ({
  code: 550,
  status: "5.7.30",
  text: `REQUIRETLS: none of the next servers is safely known and takes it over TLS with a certificate that fits (${[...new Set(hosts)].slice(0, 5).join(", ")})`,
  host: null,
});
