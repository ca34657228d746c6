/**
 * One message out of the maildrop into the queue, by the same door as all others. Who is refused for good is reported to the sender; a
 * refusal that may pass puts the whole message off, so that nobody gets it twice. Throws `Damaged` and errors of the disk.
 */
import { type Envelope, LOCAL_USER_LABEL, type Message } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type { Draft, Offer, Refused, Submit } from "../contracts/submit.ts";
import type { RecipientInit } from "../kernel/envelope.ts";
import { createMessage } from "../kernel/message.ts";
import { parsePath } from "../mail/address.ts";
import type { RefusedRecipient } from "../queue/refusal-report.ts";
import { ChunkScanner } from "../smtp/chunk-scanner.ts";
import type { SmtpLimits } from "../smtp/config.ts";
import { Content } from "../smtp/content.ts";
import type { Reply } from "../smtp/reply.ts";
import type { LeftRecipient } from "./format.ts";
import type { LeftFile } from "./left-file.ts";

export interface HandOverRoom {
  readonly submit: Submit;
  readonly log: Log;
  readonly limits: SmtpLimits;
  /** `false`: it could not be sent now. */
  readonly report: (
    envelope: Envelope,
    message: Message,
    acceptedAt: number,
    refused: readonly RefusedRecipient[],
  ) => Promise<boolean>;
  /** The answer to who only asks what would become of a message. */
  readonly tellFindings: (envelope: Envelope, findings: readonly Finding[]) => Promise<boolean>;
}

export interface Finding {
  readonly address: string;
  /** `null`: it would be taken, for these addresses. */
  readonly refused: Refused | null;
  readonly targets: readonly string[];
}

export interface HandOver {
  readonly file: LeftFile;
  /** Only these of its recipients; `null`: all of them. */
  readonly only: ((recipient: LeftRecipient) => boolean) | null;
  /** Refusals that may pass count as refusals for good. */
  readonly isTooOld: boolean;
  /** The sender has been told of those who are refused. */
  readonly isTold: boolean;
  /** Called before the queue gets the message, with the id that it has there. */
  readonly begin: (id: string) => void;
  /** Called in the turn in which the queue has it: no delivery has begun. */
  readonly end: () => void;
}

/** `aside`: its sender has been told, and it is kept for the administrator, as a report about it could not give it back. */
export type HandedOver =
  | { readonly at: "done" }
  | { readonly at: "later"; readonly isTold: boolean; readonly cause: string }
  | { readonly at: "aside"; readonly cause: string };

export async function handOver(room: HandOverRoom, task: HandOver): Promise<HandedOver> {
  const { file } = task;
  const left = file.envelope;
  const sender = left.sender === null ? null : pathOf(left.sender);
  const draft = room.submit.open({
    origin: "sendmail",
    session: null,
    // Who writes what is no address is not told of what becomes of it.
    reversePath: sender,
    body: left.body,
    isSmtpUtf8: left.isSmtpUtf8,
    requiresTls: false,
    ret: left.ret,
    envid: left.envid,
    declaredSizeBytes: left.sizeBytes,
  });
  try {
    draft.apply([{ op: "label", label: LOCAL_USER_LABEL, value: file.uid }]);
    return left.purpose === "verify" ? await verify(room, draft, task) : await send(room, draft, task);
  } finally {
    await draft.close();
  }
}

async function send(room: HandOverRoom, draft: Draft, task: HandOver): Promise<HandedOver> {
  const { file, isTooOld } = task;
  const { envelope } = draft;
  const taken: RecipientInit[] = [];
  const refused: RefusedRecipient[] = [];
  for (const { recipient, admission } of await admitAll(draft, task)) {
    if (admission.at !== "refused") taken.push(recipient);
    else if (!admission.isPermanent && !isTooOld) return later(admission, task.isTold);
    else refused.push({ recipient, refused: admission });
  }
  logRefusals(room, envelope.id, file.uid, refused);
  const tell = async (about: readonly RefusedRecipient[], message: Message) =>
    about.length === 0 || room.report(envelope, message, file.writtenAt, about);

  const content = await receive(room, draft, file);
  if (content.problem !== null) {
    const refusal = refusedAs(content.problem);
    if (!refusal.isPermanent) return later(refusal, task.isTold);
    const all = [...refused, ...taken.map((recipient) => ({ recipient, refused: refusal }))];
    if (!(await tell(all, nothing))) return cannotTell(false);
    return { at: "aside", cause: refusal.refusal.text };
  }
  const message = await content.intake.end();
  // Before the rest goes on its way: once that has, this file is gone.
  if (!task.isTold && !(await tell(refused, message))) return cannotTell(false);
  if (taken.length > 0) {
    task.begin(envelope.id);
    const submitted = await draft.submit(message);
    if (submitted.at === "refused") {
      if (!submitted.isPermanent && !isTooOld) return later(submitted, true);
      const rest = taken.map((recipient) => ({ recipient, refused: submitted }));
      logRefusals(room, envelope.id, file.uid, rest);
      if (!(await tell(rest, message))) return cannotTell(true);
    }
  }
  task.end();
  return { at: "done" };
}

async function verify(room: HandOverRoom, draft: Draft, task: HandOver): Promise<HandedOver> {
  const findings = (await admitAll(draft, task)).map(({ recipient, admission }): Finding => {
    const address = String(recipient.address);
    return admission.at === "refused"
      ? { address, refused: admission, targets: [] }
      : { address, refused: null, targets: admission.recipients.map((target) => target.address.toString()) };
  });
  if (!(await room.tellFindings(draft.envelope, findings)) && !task.isTooOld) return cannotTell(false);
  task.end();
  return { at: "done" };
}

const nothing = createMessage(new Uint8Array(), []);
const later = ({ refusal }: Refused, isTold: boolean): HandedOver => ({ at: "later", isTold, cause: refusal.text });
const cannotTell = (isTold: boolean): HandedOver => ({ at: "later", isTold, cause: "the sender cannot be told now" });

/** What the SMTP room says to content, as a refusal. */
function refusedAs({ code, wire }: Reply): Refused {
  const text = /^\d{3}[ -](?:\d\.\d+\.\d+ )?(.*)/.exec(wire)?.[1] ?? "Refused";
  return { at: "refused", isPermanent: code >= 500, refusal: { text, code }, by: null };
}

const badAddress: Refused = {
  at: "refused",
  isPermanent: true,
  refusal: { text: "Bad recipient address syntax", code: 501, detail: "1.3" },
  by: null,
};

async function admitAll(draft: Draft, { file, only }: HandOver) {
  const admitted = [];
  for (const named of file.envelope.recipients) {
    if (only !== null && !only(named)) continue;
    const address = pathOf(named.address);
    const notify = new Set(named.notify);
    // The report has to name it: what is no address stands in it as it came.
    const recipient: Offer = {
      address: address ?? { localPart: named.address, domain: "", toString: () => named.address },
      orcpt: named.orcpt,
      notify,
    };
    admitted.push({ recipient, admission: address === null ? badAddress : await draft.admit(recipient) });
  }
  return admitted;
}

/** `null`: no address. */
export function pathOf(text: string) {
  const path = parsePath(`<${text}>`, { bare: true });
  return path === null || path.rest !== "" ? null : path.address;
}

async function receive({ limits }: HandOverRoom, draft: Draft, file: LeftFile) {
  const { sizeBytes, body } = file.envelope;
  const isBinary = body === "binarymime";
  const content = new Content({
    intake: draft.receive(sizeBytes),
    limits,
    // As a client's: whatever a program has written, no line end goes out that others read otherwise.
    lineEnds: isBinary ? "reject" : "normalize",
    framing: (onPiece) => new ChunkScanner(onPiece, isBinary),
  });
  content.framing.begin(sizeBytes);
  for await (const piece of file.content()) {
    content.take(piece, 0);
    await content.takeWaiting();
    if (content.problem !== null) break;
  }
  if (content.problem === null) content.finish();
  await content.takeWaiting();
  return content;
}

function logRefusals({ log }: HandOverRoom, id: string, uid: number, refused: readonly RefusedRecipient[]): void {
  for (const {
    recipient,
    refused: { refusal, by },
  } of refused)
    log.info({ id, uid, to: recipient.address.toString(), by, code: refusal.code, text: refusal.text }, "refused");
}
