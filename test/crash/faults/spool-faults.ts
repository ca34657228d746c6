/**
 * Each operation of a spool's life fails in each way (ENOSPC, EIO, EMFILE, EROFS; once, once but done, from then on): what was confirmed is
 * there, what was refused is not, no fault passes in silence, and when it is over mail is taken again.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../../../core/contracts/log.ts";
import type { Spool } from "../../../core/contracts/spool.ts";
import { createMessage } from "../../../core/kernel/message.ts";
import { Random } from "../../fuzz/random.ts";
import { materialize, stillImageOf } from "../power/image.ts";
import { brokenOnce, openAfterCrash } from "../power/spool-check.ts";
import { SpoolPromises } from "../power/spool-promises.ts";
import { envelopeFor, workOn } from "../power/spool-workload.ts";
import { type Fault, FaultyFiles, faultCodes, faultKinds } from "./faulty-files.ts";

export interface FaultReport {
  /** In a life without faults. */
  readonly operations: number;
  readonly lives: number;
  /** Lives in which the fault met an operation. */
  readonly met: number;
  readonly refused: number;
}

export interface FaultOptions {
  readonly seed: number;
  /** Of all faults, this share is tried; 1: all. */
  readonly share: number;
  /** This one, and no other. */
  readonly only?: Fault | undefined;
}

const fastest = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const sideBySide = 4;

export async function injectFaults({ seed, share, only }: FaultOptions): Promise<FaultReport> {
  const scratch = mkdtempSync(join(fastest, "postern-faults-"));
  try {
    const { operations } = await live(join(scratch, "whole"), null, seed);
    const draw = new Random(seed);
    const all = Array.from({ length: operations }, (_, index) => index + 1)
      .flatMap((operation) =>
        faultCodes.flatMap((code) => faultKinds.map((kind): Fault => ({ code, kind, operation }))),
      )
      .filter(() => share >= 1 || draw.chance(share));
    const faults = only ? [only] : all;
    const totals = { met: 0, refused: 0 };
    const waiting = faults.values();
    const lane = async (name: string): Promise<void> => {
      for (const fault of waiting) {
        const life = endsInTime(live(join(scratch, name), fault, seed));
        const result = await life.catch((cause: unknown) => {
          throw new Error(`SEED=${seed} ${JSON.stringify(fault)}: ${String(cause)}`, { cause });
        });
        if (result.isMet) totals.met += 1;
        totals.refused += result.refused;
      }
    };
    await Promise.all(Array.from({ length: sideBySide }, (_, index) => lane(`life${index}`)));
    return { operations, lives: faults.length, ...totals };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface Life {
  readonly operations: number;
  readonly isMet: boolean;
  readonly refused: number;
}

async function live(directory: string, fault: Fault | null, seed: number): Promise<Life> {
  rmSync(directory, { recursive: true, force: true });
  let moment = 0;
  const promises = new SpoolPromises(() => ++moment);
  const disk = new FaultyFiles(fault);
  const complaints: string[] = [];
  const log = complainingLog(complaints);
  const random = new Random(seed);
  let refused = 0;
  const onRefusal = (error: unknown): void => {
    refused += 1;
    complaints.push(String(error));
  };
  // Twice: what is there already is in the way of a fault as well.
  for (const prefix of ["a", "b"]) {
    const spool = await openInSpite(directory, log, disk, complaints);
    await Promise.allSettled([tellAll(spool, complaints)]);
    await workOn(spool, { random, promises, lanes: 2, steps: 14, prefix, onRefusal });
    if (prefix === "b") {
      disk.end();
      await goesOn(spool, promises);
      const copy = `${directory}-killed`;
      rmSync(copy, { recursive: true, force: true });
      materialize(stillImageOf(directory), copy);
      hold(await brokenOnce(copy, promises, moment), "after a kill");
    }
    await spool.close().catch((error: unknown) => complaints.push(String(error)));
    promises.ended();
  }
  hold(await brokenOnce(directory, promises, moment), "after an orderly end");
  const isMet = disk.failed.length > 0;
  if (isMet && complaints.length === 0) throw new Error(`${disk.failed[0]} failed, and nobody was told`);
  return { operations: disk.count, isMet, refused };
}

const patienceMs = 120_000;

/** A promise that never settles is a fault, too. */
async function endsInTime<T>(life: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("somebody waits for ever")), patienceMs);
  });
  try {
    return await Promise.race([life, late]);
  } finally {
    clearTimeout(timer);
  }
}

function hold(broken: string | null, when: string): void {
  if (broken !== null) throw new Error(`${when}: ${broken}`);
}

/** A start may fail while the disk does; it must succeed when that is over. */
async function openInSpite(directory: string, log: Log, disk: FaultyFiles, complaints: string[]): Promise<Spool> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openAfterCrash(directory, log, disk.files);
    } catch (error) {
      complaints.push(String(error));
      if (attempt === 3) disk.end();
      if (attempt > 3) throw error;
    }
  }
}

async function tellAll(spool: Spool, complaints: string[]): Promise<void> {
  try {
    for await (const { id } of spool.recovered(Number.POSITIVE_INFINITY)) {
      await spool.read(id).catch((error: unknown) => complaints.push(String(error)));
    }
  } catch (error) {
    complaints.push(String(error));
  }
}

/** The fault is over: a message is taken, and settled, without a restart. */
async function goesOn(spool: Spool, promises: SpoolPromises): Promise<void> {
  const id = "afterwards";
  const text = `Subject: ${id}\r\n\r\nwell\r\n`;
  const end = text.indexOf("well");
  const message = createMessage(Buffer.from(text.slice(0, end)), [Buffer.from(text.slice(end))]);
  await promises.accept({ id, text, recipients: 1 }, () => spool.accept(envelopeFor(id, 1), message));
  const outcome = { at: "delivered", reply: { code: 250, status: "2.0.0", text: "OK", host: null } } as const;
  await promises.settle(id, 1, outcome, () => spool.settle(id, 1, outcome));
}

function complainingLog(complaints: string[]): Log {
  const note = (fields: object, text: string) => void complaints.push(`${text} ${JSON.stringify(fields)}`);
  const log: Log = { debug() {}, info() {}, warn: note, error: note, child: () => log };
  return log;
}
