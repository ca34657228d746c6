/** The way of a message without sockets: a kernel with the test's plugins, a spool on real files, submit, queue and filing. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Accounts } from "../contracts/account.ts";
import type { Filing } from "../contracts/delivery.ts";
import type { Origin, Recipient } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import { ServerFacts } from "../contracts/server-facts.ts";
import type { Session } from "../contracts/session.ts";
import type { Spool } from "../contracts/spool.ts";
import type { Admission, Draft, Offer, Opening, Submit, Submitted } from "../contracts/submit.ts";
import type { KernelRuntime } from "../kernel/kernel.ts";
import { createAccounts } from "../login/accounts.ts";
import type { ReportTexts } from "../mail/dsn/report-texts.ts";
import { createFiling } from "../queue/filing.ts";
import type { Queue } from "../queue/queue.ts";
import type { QueueOptions } from "../queue/queue-options.ts";
import { createQueue } from "../queue/spool-queue.ts";
import { createSubmit } from "../queue/submit.ts";
import { openSpool } from "../spool/open-spool.ts";
import { keptLog, kernelWith, type Listed, type LogLine } from "./kernel.ts";
import { addressOf } from "./mail.ts";
import { type ManualClock, manualClock } from "./manual-clock.ts";
import { tablesService } from "./tables.ts";

export interface MailFlow {
  readonly kernel: KernelRuntime;
  readonly spool: Spool;
  readonly submit: Submit;
  readonly queue: Queue;
  readonly filing: Filing;
  readonly facts: ServerFacts;
  readonly clock: ManualClock;
  readonly log: Log;
  readonly lines: readonly LogLine[];
  /** Of the spool; opened again by another flow, it is a restart. */
  readonly directory: string;
  /** Resolves when nothing is being worked on and nothing is due. */
  quiet(): Promise<void>;
  /** Stops without a word to anybody, as a crash would; the directory stays. */
  crash(): Promise<void>;
  /** Stops and takes the directory away. */
  close(): Promise<void>;
}

export interface MailFlowInit {
  readonly plugins: readonly Listed[];
  readonly directory?: string;
  readonly clock?: ManualClock;
  readonly options?: Partial<QueueOptions>;
  /** Put between the rooms and the spool, to make it fail. */
  readonly wrapSpool?: (spool: Spool) => Spool;
  /** Languages of reports; English by default. */
  readonly reportTexts?: readonly ReportTexts[];
  /** `Received:` fields before a message counts as looping. */
  readonly hopsLimit?: number;
  /** Addresses that one may be expanded to. */
  readonly expansionLimit?: number;
  /** Names of listeners whose clients `Received:` does not tell of. */
  readonly hiddenClients?: ReadonlySet<string>;
  /** `false`: nothing is delivered before the test starts the queue. */
  readonly starts?: boolean;
}

/** A spool that passes everything on but what is given. */
export const spoolWith =
  (change: (spool: Spool) => Partial<Spool>): NonNullable<MailFlowInit["wrapSpool"]> =>
  (spool) => ({
    receive: (hint) => spool.receive(hint),
    accept: (...args) => spool.accept(...args),
    settle: (...args) => spool.settle(...args),
    reschedule: (...args) => spool.reschedule(...args),
    hold: (...args) => spool.hold(...args),
    list: () => spool.list(),
    remove: (id) => spool.remove(id),
    read: (id) => spool.read(id),
    recovered: (at) => spool.recovered(at),
    close: () => spool.close(),
    ...change(spool),
  });

export async function openMailFlow(init: MailFlowInit): Promise<MailFlow> {
  const directory = init.directory ?? (await mkdtemp(join(tmpdir(), "postern-queue-")));
  const clock = init.clock ?? manualClock();
  const { log, lines } = keptLog();
  const files = await openSpool({
    dir: join(directory, "spool"),
    log,
    clock,
    limits: { minFreeBytes: 0, segmentBytes: 1024 * 1024 },
  });
  const spool = init.wrapSpool?.(files) ?? files;
  const facts: ServerFacts = {
    hostname: "mx.example.org",
    dataDir: directory,
    origin: "example.org",
    postmaster: addressOf("postmaster@example.org"),
    recipientDelimiter: "+",
    version: "0",
  };
  let made: { accounts: Accounts } | null = null;
  const kernel = await kernelWith(
    {
      log,
      clock,
      services: (asked) => {
        made = { accounts: createAccounts(asked, "+") };
        return [[Accounts, made.accounts], [ServerFacts, facts], tablesService({ clock, log })];
      },
    },
    ...init.plugins,
  );
  await kernel.start();
  const { accounts } = made ?? { accounts: createAccounts(kernel, "+") };
  const room = { kernel, accounts, facts, spool, clock, log };
  const submit: Submit = { open: (opening) => door.open(opening), hasRoomFor: (bytes) => door.hasRoomFor(bytes) };
  const queue = createQueue({
    ...room,
    submit,
    alarm: clock.alarm,
    random: () => 0.5,
    options: init.options ?? {},
    ...(init.reportTexts && { reportTexts: init.reportTexts }),
  });
  const door = createSubmit({
    ...{ ...room, queue, worker: 0 },
    ...(init.hopsLimit === undefined ? {} : { hopsLimit: init.hopsLimit }),
    ...(init.expansionLimit === undefined ? {} : { expansionLimit: init.expansionLimit }),
    ...(init.hiddenClients === undefined ? {} : { hiddenClients: init.hiddenClients }),
  });
  if (init.starts !== false) await queue.start();
  const crash = async () => {
    const given = new AbortController();
    given.abort();
    await queue.stop(given.signal);
    await files.close();
    await kernel.stop();
  };
  return {
    ...{ kernel, spool, submit, queue, facts, clock, log, lines, directory, crash },
    filing: createFiling({ kernel, submit, log }),
    quiet: () => quiet(queue),
    async close() {
      await crash();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const isQuiet = (queue: Queue): boolean => {
  const { ready, active, isLookingAhead } = queue.stats();
  return ready === 0 && active === 0 && !isLookingAhead;
};

/** The queue begins work a turn after it was told of it, so one quiet moment proves nothing. */
async function quiet(queue: Queue): Promise<void> {
  for (let turns = 0; turns < 3; turns += 1) {
    await nextTurn();
    if (isQuiet(queue)) continue;
    await until(() => isQuiet(queue));
    turns = 0;
  }
}

const PATIENCE_MS = 180_000;

/** Waits, turn by turn of the event loop, until something is so. Rejects where that takes too long. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${isSo}`);
    await nextTurn();
  }
}

/** The opening of a transaction: from bob@example.net by SMTP without a session, unless said otherwise. */
export const openingOf = (
  init: Partial<Omit<Opening, "reversePath">> & { readonly from?: string | null } = {},
): Opening => {
  const { from = "bob@example.net", ...rest } = init;
  return {
    origin: "smtp" as Origin,
    session: null as Session | null,
    reversePath: from === null ? null : addressOf(from),
    body: "7bit",
    isSmtpUtf8: false,
    requiresTls: false,
    ret: null,
    envid: null,
    ...rest,
  };
};

export const offerOf = (address: string, more: Partial<Omit<Offer, "address">> = {}): Offer => ({
  address: addressOf(address),
  orcpt: null,
  notify: new Set(),
  ...more,
});

/** What `text` says, with CRLF line ends, through an intake. */
export async function submitText(draft: Draft, text: string): Promise<Submitted> {
  const intake = draft.receive(null);
  await intake.write(Buffer.from(text.replaceAll(/\r\n|\n/g, "\r\n")));
  return draft.submit(await intake.end());
}

export interface Sent {
  readonly admissions: readonly Admission[];
  readonly submitted: Submitted;
  readonly recipients: readonly Recipient[];
}

/** A whole transaction. */
export async function sendText(
  flow: Pick<MailFlow, "submit">,
  message: {
    readonly opening?: Opening;
    readonly to: readonly (string | Offer)[];
    readonly text?: string;
  },
): Promise<Sent> {
  const draft = flow.submit.open(message.opening ?? openingOf());
  try {
    const admissions: Admission[] = [];
    for (const to of message.to) admissions.push(await draft.admit(typeof to === "string" ? offerOf(to) : to));
    const submitted = await submitText(draft, message.text ?? "Subject: hello\n\nHow are you?\n");
    return { admissions, submitted, recipients: draft.envelope.recipients };
  } finally {
    await draft.close();
  }
}
