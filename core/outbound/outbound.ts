/**
 * The service `Outbound`: one message to one host, over a connection that is kept or a new one. Never rejects: whatever breaks becomes a result that says
 * how far it had come. A kept connection that turns out to be dead is replaced once, where the host cannot have taken anything.
 */
import type { Clock } from "../contracts/clock.ts";
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type {
  Outbound,
  OutboundFacts,
  OutboundPlace,
  OutboundRequest,
  OutboundResult,
  RecipientAnswer,
  TlsFault,
} from "../contracts/outbound.ts";
import { isInternational } from "./commands.ts";
import { ConnectionCache, type Kept } from "./connection-cache.ts";
import { connectionKey } from "./connection-key.ts";
import { type Content, ContentFault } from "./content.ts";
import { isBeyond, noSmtpUtf8, type Sendable, sendable } from "./hindrance.ts";
import { openConnection } from "./opening.ts";
import { OutboundFault, reasonOf } from "./outbound-fault.ts";
import { recipientGroups } from "./recipient-groups.ts";
import { brokenReply, isSuccess, remoteReply } from "./remote-reply.ts";
import { timeoutsOf } from "./timeouts.ts";
import { TlsSessions } from "./tls-sessions.ts";
import { type Progress, transact } from "./transaction.ts";
import { ConnectionFault, type Wire } from "./wire.ts";
import { forwardedClient } from "./xforward.ts";

export interface OutboundRoom {
  /** Our name in EHLO where a request has none. */
  readonly hostname: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OutboundClient extends Outbound {
  /** Ends all connections: those that wait with QUIT, those at work at once. */
  close(): void;
}

export const createOutbound = (room: OutboundRoom): OutboundClient => new Client(room);

/** A host that was silent for so long may have gone without a word. */
const STALE_MS = 1_000;

class Client implements OutboundClient {
  readonly #room: OutboundRoom;
  readonly #cache: ConnectionCache;
  readonly #sessions: TlsSessions;
  readonly #active = new Set<Wire>();
  /** Calls off what is being opened. */
  readonly #openings = new Set<AbortController>();
  #isClosed = false;

  constructor(room: OutboundRoom) {
    this.#room = room;
    this.#cache = new ConnectionCache(room.clock);
    this.#sessions = new TlsSessions(room.clock);
  }

  async send(request: OutboundRequest): Promise<OutboundResult> {
    const conversation = new Conversation(request.place.name);
    try {
      const key = connectionKey(request, request.helloName ?? this.#room.hostname);
      const kept = this.#cache.take(key, addressesOf(request.place));
      if (kept !== null) {
        const result = await this.#over(kept, true, key, request, conversation);
        if (result !== "again") return result;
      }
      const fresh = await this.#open(key, request);
      const result = await this.#over(fresh, false, key, request, conversation);
      return result === "again" ? conversation.broken("the host closed the connection", null) : result;
    } catch (cause) {
      if (!(cause instanceof OutboundFault))
        this.#room.log.error({ err: cause, host: request.place.name }, "a conversation was given up");
      return unreachable(cause, request);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const opening of this.#openings) opening.abort();
    this.#cache.close();
    for (const wire of this.#active) wire.destroy("the server stops");
  }

  /** RFC 7435, RFC 3207 4.1: where encryption is no condition, a handshake that fails does not keep the mail back. */
  async #open(key: string, request: OutboundRequest): Promise<Kept> {
    try {
      return await this.#opened(key, request, null);
    } catch (cause) {
      const isOptional = request.tls.level === "opportunistic" && !request.envelope.requiresTls;
      if (!isOptional || !(cause instanceof OutboundFault) || cause.phase !== "tls" || request.signal.aborted)
        throw cause;
      return await this.#opened(key, { ...request, tls: { level: "none" } }, cause.tlsFault);
    }
  }

  async #opened(key: string, request: OutboundRequest, tlsFault: TlsFault | null): Promise<Kept> {
    // Not AbortSignal.any: a signal that lives as long as the server would remember each connection.
    const opening = new AbortController();
    const callOff = () => opening.abort();
    if (this.#isClosed || request.signal.aborted) callOff();
    request.signal.addEventListener("abort", callOff, { once: true });
    this.#openings.add(opening);
    const opened = await openConnection({
      request: { ...request, signal: opening.signal },
      helloName: request.helloName ?? this.#room.hostname,
      timeouts: timeoutsOf(request.timeouts),
      sessions: this.#sessions,
      key,
    }).finally(() => {
      request.signal.removeEventListener("abort", callOff);
      this.#openings.delete(opening);
    });
    const now = this.#room.clock.now();
    return {
      ...opened,
      tlsFault: tlsFault ?? opened.tlsFault,
      openedAt: now,
      uses: 0,
      needsReset: false,
      idleSince: now,
    };
  }

  /** `again`: the kept connection was dead, and nothing has happened. */
  async #over(
    connection: Kept,
    isReused: boolean,
    key: string,
    request: OutboundRequest,
    conversation: Conversation,
  ): Promise<OutboundResult | "again"> {
    const { wire } = connection;
    const { signal } = request;
    conversation.on(connection, isReused);
    const onAbort = () => wire.destroy("the delivery was called off");
    signal.addEventListener("abort", onAbort, { once: true });
    this.#active.add(wire);
    try {
      if (signal.aborted) onAbort();
      const hopeless = noPromise(connection, request);
      if (hopeless !== null) {
        this.#cache.put(key, connection, request.reuse ?? {});
        return conversation.unable(hopeless);
      }
      await this.#converse(connection, isReused, request, conversation);
      this.#cache.put(key, connection, request.reuse ?? {});
      return conversation.answered(connection.features.has("DSN"));
    } catch (cause) {
      wire.destroy("the conversation broke off");
      if (cause instanceof ContentFault) return conversation.unreadable(request.recipients, cause, this.#room.log);
      if (!(cause instanceof ConnectionFault)) throw cause;
      const isNothing = !conversation.hasCounted && !signal.aborted;
      if (isReused && isNothing) return "again";
      return conversation.brokenFor(request.recipients, cause, connection.features.has("DSN"));
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#active.delete(wire);
    }
  }

  async #converse(
    connection: Kept,
    isReused: boolean,
    request: OutboundRequest,
    conversation: Conversation,
  ): Promise<void> {
    const { wire, features } = connection;
    const { envelope, place } = request;
    const found = sendable(envelope, request.message, features, place.name);
    const form = found instanceof Promise ? await found : found;
    if (form.at === "hindered") return conversation.all(request.recipients, form.reply);
    const possible = request.recipients.filter((recipient) => !isBeyond(recipient, features));
    if (possible.length < request.recipients.length) {
      const others = request.recipients.filter((recipient) => !possible.includes(recipient));
      conversation.all(others, noSmtpUtf8(place.name));
    }
    if (possible.length === 0) return;
    const isStale = isReused && this.#room.clock.now() - connection.idleSince > STALE_MS;
    const groups = [...recipientGroups(possible, features)];
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const progress = conversation.begin();
      connection.uses += 1;
      await transact(
        {
          wire,
          features,
          host: place.name,
          isLmtp: request.protocol === "lmtp",
          timeouts: timeoutsOf(request.timeouts),
          needsReset: connection.needsReset,
          isStale,
        },
        transactionOf(request, form, group),
        progress,
      );
      connection.needsReset = progress.needsReset;
      const later = tooMany(group, progress.answers);
      if (later.length > 0) groups.unshift(later);
    }
  }
}

const transactionOf = (request: OutboundRequest, { body, content }: Sendable, recipients: readonly Recipient[]) => ({
  envelope: request.envelope,
  body,
  isSmtpUtf8:
    isInternational(request.envelope) || recipients.some(({ address }) => /[^\u0000-\u007f]/.test(address.localPart)),
  forwarded: request.forwards ? forwardedClient(request.forwards) : null,
  recipients,
  content: content satisfies Content | null,
});

/** RFC 5321 4.5.3.1.10: those for whom there was no room beside others go in another transaction; some got through, so this ends. */
function tooMany(group: readonly Recipient[], answers: ReadonlyMap<number, RecipientAnswer>): readonly Recipient[] {
  const isLater = ({ id }: Recipient): boolean => {
    const answer = answers.get(id);
    return answer?.phase === "rcpt" && /^[45]\.5\.3$/.test(answer.reply.status ?? "");
  };
  const isTaken = group.some(({ id }) => answers.get(id)?.phase === "end");
  return isTaken ? group.filter(isLater) : [];
}

/** RFC 8689 4.2.1: only over TLS, to a host that has shown who it is and promises the same. Another host of the same domain may. */
function noPromise({ tls, features }: Kept, { envelope, place }: OutboundRequest): RemoteReply | null {
  if (!envelope.requiresTls) return null;
  if (tls !== null && tls.verifiedBy !== null && features.has("REQUIRETLS")) return null;
  const text =
    tls === null || tls.verifiedBy === null
      ? "REQUIRETLS: the next server cannot be reached over TLS with a certificate that fits"
      : "The next server does not support REQUIRETLS";
  return { code: 550, status: "5.7.30", text, host: place.name };
}

const addressesOf = (place: OutboundPlace): readonly string[] =>
  "path" in place ? [`unix:${place.path}`] : place.addresses;

function unreachable(cause: unknown, { place }: OutboundRequest): OutboundResult {
  const fault =
    cause instanceof OutboundFault ? cause : new OutboundFault("connect", "of a fault of our own", { cause });
  const { reply, ownReply, phase, tlsFault, address, localAddress } = fault;
  return {
    at: "unreachable",
    phase,
    reply:
      ownReply ??
      (reply && !isSuccess(reply) ? remoteReply(reply, place.name) : brokenReply(place.name, fault.message)),
    facts: { address, localAddress, tls: null, tlsFault, isReused: false },
  };
}

/** What has been found out so far. */
class Conversation {
  readonly #host: string;
  readonly #answers = new Map<number, RecipientAnswer>();
  #facts: OutboundFacts = { address: null, localAddress: null, tls: null, tlsFault: null, isReused: false };
  #progress: Progress | null = null;

  constructor(host: string) {
    this.#host = host;
  }

  /** Something was said or sent that cannot be said again elsewhere as if nothing had happened. */
  get hasCounted(): boolean {
    return this.#answers.size > 0 || this.#progress?.isContentSent === true;
  }

  on({ address, localAddress, tls, tlsFault }: Kept, isReused: boolean): void {
    this.#facts = { address, localAddress, tls, tlsFault, isReused };
    this.#progress = null;
  }

  begin(): Progress {
    this.#progress = { answers: this.#answers, phase: "mail", isContentSent: false, needsReset: true };
    return this.#progress;
  }

  all(recipients: readonly Recipient[], reply: RemoteReply, phase: RecipientAnswer["phase"] = "hello"): void {
    for (const { id } of recipients) if (!this.#answers.has(id)) this.#answers.set(id, { reply, phase });
  }

  answered(isDsnPassedOn: boolean): OutboundResult {
    return { at: "answered", answers: this.#answers, isDsnPassedOn, facts: this.#facts };
  }

  unable(reply: RemoteReply): OutboundResult {
    return { at: "unreachable", phase: "tls", reply, facts: this.#facts };
  }

  /** The message itself is what is wrong. */
  unreadable(recipients: readonly Recipient[], cause: ContentFault, log: Log): OutboundResult {
    log.error({ err: cause, host: this.#host }, "a message could not be sent");
    this.all(
      recipients,
      { code: 451, status: "4.3.0", text: "The message cannot be read at present", host: null },
      "data",
    );
    return this.answered(false);
  }

  broken(reason: string, reply: RemoteReply | null): OutboundResult {
    const phase = this.#progress?.phase ?? "mail";
    return { at: "unreachable", phase, reply: reply ?? brokenReply(this.#host, reason), facts: this.#facts };
  }

  brokenFor(recipients: readonly Recipient[], cause: ConnectionFault, isDsnPassedOn: boolean): OutboundResult {
    const said = cause.reply && !isSuccess(cause.reply) ? remoteReply(cause.reply, this.#host) : null;
    const reply = said ?? brokenReply(this.#host, reasonOf(cause));
    if (this.#progress?.isContentSent === true)
      return { at: "lost", answers: this.#answers, reply, facts: this.#facts };
    // Everybody has an answer: that the host went behind it changes none.
    if (recipients.every(({ id }) => this.#answers.has(id))) return this.answered(isDsnPassedOn);
    const isAnyKnown = [...this.#answers.values()].some(({ reply: { code }, phase }) => code >= 500 || phase === "end");
    if (!isAnyKnown) return this.broken(reasonOf(cause), said);
    // What a recipient was told stands, whatever became of the others.
    this.all(recipients, reply, this.#progress?.phase ?? "mail");
    return this.answered(isDsnPassedOn);
  }
}
