/**
 * One try of one message: each open recipient is routed, those with the same way go together, each delivery waits for its lane.
 * Who is not settled in the end is put off. What can only wait for destinations that are far behind, or dead, is not tried at all. Never rejects.
 */
import type { Delivery, RemoteReply } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { SpoolOutcome } from "../contracts/spool.ts";
import type { Refusal, Routed } from "../contracts/verdicts.ts";
import { routed } from "../kernel/verdicts.ts";
import type { DestinationLimits } from "./destination-limits.ts";
import type { Job } from "./job.ts";
import type { Turn } from "./lane.ts";
import type { Lanes } from "./lanes.ts";
import { type Keep, OngoingDelivery } from "./ongoing-delivery.ts";
import type { QueueOptions } from "./queue-options.ts";
import type { Feedback } from "./standing.ts";
import type { Ticket } from "./ticket.ts";
import type { Waiting } from "./turns.ts";

export interface AttemptRoom {
  readonly kernel: Kernel;
  readonly log: Log;
  readonly options: QueueOptions;
  readonly lanes: Lanes;
  readonly limitsOf: (route: Routed) => DestinationLimits;
  readonly keep: Keep;
}

interface Group {
  readonly route: Routed;
  readonly recipients: Recipient[];
}

/**
 * `crowded`: nothing was tried, too many wait for the destination with that key. `dead`: nothing was tried, none of the destinations
 * takes mail. `cut`: not all was tried, because the queue stops or somebody wants to change the message.
 */
export type AttemptResult =
  | { readonly at: "tried" | "cut" }
  | { readonly at: "crowded"; readonly key: string }
  | { readonly at: "dead"; readonly untilMs: number; readonly reply: RemoteReply | null };
const tried: AttemptResult = { at: "tried" };
const cut: AttemptResult = { at: "cut" };

export async function attempt(room: AttemptRoom, job: Job, ticket: Ticket): Promise<AttemptResult> {
  const open = job.open();
  if (open.length === 0) return tried;
  const groups = await routeAll(room, job, open);
  const [first] = groups;
  if (ticket.isRecalled) return cut;
  const put = first && untriable(room.lanes, groups, ticket);
  if (put) return put;
  job.attempts += 1;
  if (!first) return tried;
  const turns =
    groups.length === 1
      ? [await inLane(room, job, first, ticket)]
      : await Promise.all(groups.map((group) => inLane(room, job, group, ticket)));
  if (turns.includes("cut")) return cut;
  if (turns.includes("go")) return tried;
  // They died while this one waited.
  job.attempts -= 1;
  return untriable(room.lanes, groups, ticket) ?? cut;
}

/** `null`: some can be tried. */
function untriable(lanes: Lanes, groups: readonly Group[], who: Waiting): AttemptResult | null {
  let result: AttemptResult | null = null;
  for (const { route } of groups) {
    const state = lanes.state(route.concurrencyKey, who);
    if (state.at === "open") return null;
    if (state.at === "full") result = { at: "crowded", key: route.concurrencyKey };
    // Whoever is first to take mail again.
    else if (state.at === "dead" && (result?.at !== "dead" ? result === null : state.untilMs < result.untilMs))
      result = state;
  }
  return result;
}

const inLane = (room: AttemptRoom, job: Job, group: Group, ticket: Ticket): Promise<Turn> =>
  room.lanes.run(
    {
      key: group.route.concurrencyKey,
      sender: ticket.sender,
      priority: ticket.priority,
      recipients: group.recipients.length,
      limits: () => room.limitsOf(group.route),
      onWait: (cut) => ticket.waits(cut),
    },
    () => deliver(room, job, group),
  );

async function routeAll(room: AttemptRoom, job: Job, open: readonly Recipient[]): Promise<readonly Group[]> {
  const groups: Group[] = [];
  const growing = new Map<string, Group>();
  for (const recipient of open) {
    const route = await routeOf(room, job, recipient);
    if (!route) continue;
    const key = `${route.transport}\n${route.nextHop ?? ""}\n${route.concurrencyKey}`;
    const group = growing.get(key);
    if (group && group.recipients.length < room.options.maxRecipientsPerDelivery) group.recipients.push(recipient);
    else {
      const fresh = { route, recipients: [recipient] };
      growing.set(key, fresh);
      groups.push(fresh);
    }
  }
  return groups;
}

/** `null`: this recipient has its outcome. */
async function routeOf(room: AttemptRoom, job: Job, recipient: Recipient): Promise<Routed | null> {
  const { envelope } = job;
  if (envelope.route) return routed(envelope.route.transport, envelope.route.nextHop);
  const asked = room.kernel.claim("route", recipient, envelope);
  const { verdict, by } = asked instanceof Promise ? await asked : asked;
  if (verdict?.verdict === "routed") return verdict;
  if (verdict) {
    const isPermanent = verdict.verdict === "reject";
    const reply = replyOf(verdict.refusal, isPermanent);
    const putOff: SpoolOutcome = { at: "deferred", reply, ...(by !== null && { by }) };
    await keepSafely(room, job, recipient, isPermanent ? { at: "failed", reply } : putOff);
    return null;
  }
  room.log.error({ id: job.id, recipient: recipient.address.toString(), by }, "no plugin routes this recipient");
  await keepSafely(room, job, recipient, { at: "deferred", reply: notHandled });
  return null;
}

// RFC 3463 3.4: X.3.5 System incorrectly configured
const notHandled: RemoteReply = { code: 451, status: "4.3.5", text: "No plugin delivers this recipient", host: null };

function replyOf({ text, code, detail }: Refusal, isPermanent: boolean): RemoteReply {
  const status = isPermanent ? `5.${detail ?? "1.2"}` : `4.${detail ?? "3.0"}`;
  return { code: code ?? (isPermanent ? 550 : 451), status, text, host: null };
}

async function deliver(room: AttemptRoom, job: Job, group: Group): Promise<Feedback> {
  const { log, kernel, keep } = room;
  const delivery = new OngoingDelivery({
    job,
    ...group,
    keep,
    isLate: (_, recipient) =>
      log.warn({ id: job.id, recipient: recipient.address.toString() }, "a recipient was settled twice or too late"),
  });
  await kernel.deliver(delivery, delivery.offered);
  const left = delivery.end();
  if (left.length > 0)
    log.error({ id: job.id, transport: group.route.transport, left: left.length }, "not settled by any plugin");
  for (const recipient of left) await keepSafely(room, job, recipient, { at: "deferred", reply: notHandled }, delivery);
  return delivery.feedback;
}

async function keepSafely(
  { log, keep }: AttemptRoom,
  job: Job,
  recipient: Recipient,
  outcome: SpoolOutcome,
  delivery: Delivery | null = null,
): Promise<void> {
  try {
    await keep(job, recipient, outcome, delivery ?? notOffered(job));
  } catch (cause) {
    log.error({ id: job.id, err: cause }, "an outcome could not be recorded");
  }
}

/** What the notice `settled` is told about recipients that came as far as routing. */
const notOffered = (job: Job): Delivery => ({
  envelope: job.envelope,
  message: job.message,
  route: { verdict: "routed", transport: "none", nextHop: null, concurrencyKey: "none" },
  recipients: [],
  attempt: job.attempts,
  settle: async () => {},
});
