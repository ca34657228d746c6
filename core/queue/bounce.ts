/**
 * Sends one report about a message, as a new message with the null reverse-path through `Submit`. A report that nobody takes goes
 * to the postmaster; one about such a notice goes nowhere, only into the log: there is never a bounce for a bounce.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../contracts/clock.ts";
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Message, Recipient } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Submit } from "../contracts/submit.ts";
import type { Address } from "../mail/address.ts";
import type { Action, ReportedRecipient } from "../mail/dsn/delivery-status.ts";
import { english } from "../mail/dsn/english.ts";
import { buildReport } from "../mail/dsn/report.ts";
import type { ReportKind, ReportTexts } from "../mail/dsn/report-texts.ts";
import type { Job } from "./job.ts";
import { replyText, statusOf } from "./outcome.ts";
import type { QueueOptions } from "./queue-options.ts";
import { originalOf } from "./returned-content.ts";

export interface BounceRoom {
  readonly submit: Submit;
  readonly facts: ServerFacts;
  readonly clock: Clock;
  readonly log: Log;
  readonly options: QueueOptions;
  /** Languages of reports, the usual one first; English where nothing is said. */
  readonly reportTexts?: readonly ReportTexts[];
}

/** Marks a notice to the postmaster about a message without a sender. */
export const DOUBLE_BOUNCE = "double-bounce";

/** What is told of names that were passed on: whom, and what of each. */
export interface ReceiptsReport extends Addressed {
  readonly envid: string | null;
  /** By recipient id. */
  readonly actions: ReadonlyMap<number, Action>;
}

/** `true`: the report is durable, or nobody takes it. `false`: it could not be sent now. */
export const sendReceipts = async (room: BounceRoom, job: Job, report: ReceiptsReport): Promise<boolean> =>
  (await mail(room, job, report)) !== "later";

/** `true`: the report is durable, or there is nobody to tell. `false`: it could not be sent now. */
export async function sendReport(
  room: BounceRoom,
  job: Job,
  kind: ReportKind,
  recipients: readonly Recipient[],
): Promise<boolean> {
  const sender = job.envelope.reversePath;
  if (sender !== null) {
    const sent = await mail(room, job, { kind, to: sender, recipients });
    if (sent !== "refused") return sent === "sent";
    room.log.warn({ id: job.id, sender: sender.toString(), kind }, "the sender cannot be told");
  }
  if (kind === "delayed" || kind === "succeeded") return true;
  if (job.envelope.label(DOUBLE_BOUNCE) === true) {
    room.log.error(
      { id: job.id, recipients: recipients.map(({ address }) => address.toString()) },
      "a notice to the postmaster could not be delivered",
    );
    return true;
  }
  const sent = await mail(room, job, { kind: "double", to: room.facts.postmaster, recipients });
  if (sent === "refused") room.log.error({ id: job.id }, "the postmaster takes no notices, one is given up");
  return sent !== "later";
}

interface Addressed {
  readonly kind: ReportKind;
  readonly to: Address;
  readonly recipients: readonly Recipient[];
  readonly envid?: string | null;
  readonly actions?: ReadonlyMap<number, Action>;
}

async function mail(room: BounceRoom, job: Job, addressed: Addressed): Promise<"sent" | "refused" | "later"> {
  const { envelope } = job;
  const report = await build(room, job, addressed);
  const draft = room.submit.open({
    origin: "bounce",
    session: null,
    // RFC 3464 2: so that nobody answers it
    reversePath: null,
    body: report.is8Bit ? "8bitmime" : "7bit",
    isSmtpUtf8: report.isSmtpUtf8,
    // RFC 8689 5: a report tells as much as the message
    requiresTls: envelope.requiresTls,
    ret: null,
    envid: null,
  });
  try {
    if (addressed.kind === "double") draft.apply([{ op: "label", label: DOUBLE_BOUNCE, value: true }]);
    const admission = await draft.admit({ address: addressed.to, orcpt: null, notify: new Set() });
    if (admission.at === "refused") return admission.isPermanent ? "refused" : "later";
    const intake = draft.receive(null);
    try {
      for (const piece of report.pieces) await intake.write(piece);
      const submitted = await draft.submit(await intake.end());
      if (submitted.at === "refused") return submitted.isPermanent ? "refused" : "later";
      room.log.info(
        { id: job.id, report: submitted.id, kind: addressed.kind, to: addressed.to.toString() },
        "report sent",
      );
      return "sent";
    } catch (cause) {
      await intake.abort();
      throw cause;
    }
  } catch (cause) {
    room.log.error({ id: job.id, err: cause }, "a report could not be sent now");
    return "later";
  } finally {
    await draft.close();
  }
}

async function build(room: BounceRoom, job: Job, addressed: Addressed) {
  const { envelope, message } = job;
  const { kind, to, recipients, envid = envelope.envid, actions } = addressed;
  const nowMs = room.clock.now();
  return buildReport({
    kind,
    texts: textsFor(message.headers, room.reportTexts ?? []),
    id: `${job.id}-${randomBytes(6).toString("hex")}`,
    nowMs,
    to: to.toString(),
    postmaster: room.facts.postmaster.toString(),
    message: {
      reportingMta: room.facts.hostname,
      arrivedAt: job.acceptedAt,
      originalEnvelopeId: kind === "double" ? null : envid,
      queueId: job.id,
    },
    recipients: recipients.map((recipient) =>
      reported(room, job, { recipient, passedOn: actions?.get(recipient.id) }, nowMs),
    ),
    isSmtpUtf8: envelope.isSmtpUtf8,
    original: await originalOf(envelope, message, kind, room.options),
  });
}

/** The language that the message is in, or that its sender reads (RFC 3282), where there are texts for it. */
function textsFor(headers: Message["headers"], known: readonly ReportTexts[]): ReportTexts {
  const [usual = english] = known;
  if (known.length < 2) return usual;
  const asked = [headers.get("Accept-Language"), headers.get("Content-Language")].flatMap((value) =>
    (value ?? "").slice(0, 200).split(","),
  );
  for (const tag of asked) {
    const [language = ""] = tag
      .trim()
      .toLowerCase()
      .split(/[-;\s]/);
    const found = known.find((texts) => texts.language.toLowerCase().split("-")[0] === language);
    if (found) return found;
  }
  return usual;
}

interface About {
  readonly recipient: Recipient;
  /** What became of a name that stands for others. */
  readonly passedOn: Action | undefined;
}

/** RFC 2606 2: what ends in `.invalid` is a name among ourselves (the command of an alias). Nobody outside could do anything with it. */
const nameable = ({ address, parents }: Recipient): Address =>
  address.domain.endsWith(".invalid") ? (parents.at(-1) ?? address) : address;

const passedOnReply: RemoteReply = { code: 250, status: "2.0.0", text: "OK", host: null };
const notTriedReply: RemoteReply = { code: 451, status: "4.0.0", text: "Not tried yet", host: null };

function reported({ options }: BounceRoom, job: Job, about: About, nowMs: number): ReportedRecipient {
  const { recipient, passedOn } = about;
  const outcome = job.outcomes.get(recipient.id);
  const reply = passedOn ? passedOnReply : (outcome?.reply ?? notTriedReply);
  const action: Action = passedOn ?? (outcome === undefined || outcome.at === "deferred" ? "delayed" : outcome.at);
  const [outermost] = recipient.parents;
  return {
    finalRecipient: nameable(recipient).toString(),
    // RFC 3464 2.3.1; without ORCPT, what the sender wrote is the next best.
    originalRecipient: recipient.orcpt ?? (outermost ? { type: "rfc822", address: outermost.toString() } : null),
    action,
    status: statusOf(reply),
    remoteHost: reply.host,
    diagnostic: replyText(reply),
    lastAttemptAt: nowMs,
    willRetryUntil: action === "delayed" ? job.acceptedAt + options.expiryMs : null,
  };
}
