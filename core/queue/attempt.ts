/**
 * One try of one message: each open recipient is routed, those with the same way go together, each delivery waits for its lane.
 * Who is not settled in the end is put off. Never rejects.
 */
import type { Delivery, Outcome, RemoteReply } from "../contracts/delivery.ts";
import type { Recipient } from "../contracts/envelope.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Refusal, Routed } from "../contracts/verdicts.ts";
import { routed } from "../kernel/verdicts.ts";
import type { Job } from "./job.ts";
import type { Lanes } from "./lanes.ts";
import { type Keep, OngoingDelivery } from "./ongoing-delivery.ts";
import type { QueueOptions } from "./queue-options.ts";

export interface AttemptRoom {
  readonly kernel: Kernel;
  readonly log: Log;
  readonly options: QueueOptions;
}

interface Group {
  readonly route: Routed;
  readonly recipients: Recipient[];
}

/** `parked`: nothing was tried, the message waits for the lane with that key. `cut`: the queue stops, not all was tried. */
export type AttemptResult = { readonly at: "tried" | "cut" } | { readonly at: "parked"; readonly key: string };
const tried: AttemptResult = { at: "tried" };
const cut: AttemptResult = { at: "cut" };

export async function attempt(room: AttemptRoom, lanes: Lanes, job: Job, keep: Keep): Promise<AttemptResult> {
  const open = job.open();
  if (open.length === 0) return tried;
  const groups = await routeAll(room, job, open, keep);
  const [first] = groups;
  if (first && groups.every(({ route }) => lanes.isCongested(route.concurrencyKey)))
    return { at: "parked", key: first.route.concurrencyKey };
  job.attempts += 1;
  if (!first) return tried;
  const lane = (group: Group) =>
    lanes.run(group.route.concurrencyKey, laneLimit(group.route, room.options), () => deliver(room, job, group, keep));
  if (groups.length === 1) return (await lane(first)) ? tried : cut;
  const haveRun = await Promise.all(groups.map(lane));
  return haveRun.every(Boolean) ? tried : cut;
}

const laneLimit = ({ nextHop }: Routed, { maxPerDestination, maxPerLocal }: QueueOptions): number =>
  nextHop === null ? maxPerLocal : maxPerDestination;

async function routeAll(
  room: AttemptRoom,
  job: Job,
  open: readonly Recipient[],
  keep: Keep,
): Promise<readonly Group[]> {
  const groups: Group[] = [];
  const growing = new Map<string, Group>();
  for (const recipient of open) {
    const route = await routeOf(room, job, recipient, keep);
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
async function routeOf(room: AttemptRoom, job: Job, recipient: Recipient, keep: Keep): Promise<Routed | null> {
  const { envelope } = job;
  if (envelope.route) return routed(envelope.route.transport, envelope.route.nextHop);
  const asked = room.kernel.claim("route", recipient, envelope);
  const { verdict, by } = asked instanceof Promise ? await asked : asked;
  if (verdict?.verdict === "routed") return verdict;
  if (verdict) {
    const isPermanent = verdict.verdict === "reject";
    const outcome: Outcome = { at: isPermanent ? "failed" : "deferred", reply: replyOf(verdict.refusal, isPermanent) };
    await keepSafely(room, job, recipient, outcome, keep);
    return null;
  }
  room.log.error({ id: job.id, recipient: recipient.address.toString(), by }, "no plugin routes this recipient");
  await keepSafely(room, job, recipient, { at: "deferred", reply: notHandled }, keep);
  return null;
}

// RFC 3463 3.4: X.3.5 System incorrectly configured
const notHandled: RemoteReply = { code: 451, status: "4.3.5", text: "No plugin delivers this recipient", host: null };

function replyOf({ text, code, detail }: Refusal, isPermanent: boolean): RemoteReply {
  const status = isPermanent ? `5.${detail ?? "1.2"}` : `4.${detail ?? "3.0"}`;
  return { code: code ?? (isPermanent ? 550 : 451), status, text, host: null };
}

async function deliver(room: AttemptRoom, job: Job, group: Group, keep: Keep): Promise<void> {
  const { log, kernel } = room;
  const delivery = new OngoingDelivery({
    job,
    ...group,
    keep,
    isLate: (_, recipient) =>
      log.warn({ id: job.id, recipient: recipient.address.toString() }, "a recipient was settled twice or too late"),
  });
  await kernel.deliver(delivery);
  const left = delivery.end();
  if (left.length > 0)
    log.error({ id: job.id, transport: group.route.transport, left: left.length }, "not settled by any plugin");
  for (const recipient of left)
    await keepSafely(room, job, recipient, { at: "deferred", reply: notHandled }, keep, delivery);
}

async function keepSafely(
  { log }: AttemptRoom,
  job: Job,
  recipient: Recipient,
  outcome: Outcome,
  keep: Keep,
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
