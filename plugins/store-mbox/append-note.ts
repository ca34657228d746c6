/**
 * What is being appended, in a small file beside the mailbox: whoever comes after a crash can tell a piece of a message, and takes it back.
 * Only what is surely ours is: it stands where the last message that is known ends, it begins as ours did and is shorter, nobody has begun
 * another message behind it, and nobody has written to the file later than we may have.
 */

import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { attempt, errnoOf, layoutOf, type MboxQuoting, scanMbox } from "postern/store";
import { isAsKnown } from "./compare.ts";
import type { Folder } from "./folder.ts";

/** An append that was begun: if the file is shorter than `to`, what stands behind `from` is a piece of a message. */
export interface Begun {
  readonly from: number;
  readonly to: number;
  /** How it begins. */
  readonly head: string;
}

/** The time in which an append has written something. */
const FRESH_MS = 60_000;

const pathOf = (control: string): string => join(control, "appending");

/** Before the first octet. Where it cannot be written it has to do without. */
export function noteAppend(control: string, begun: Begun): void {
  attempt(() => {
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const fd = openSync(pathOf(control), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      writeSync(fd, `${JSON.stringify(begun)}\n`);
    } finally {
      closeSync(fd);
    }
  });
}

/** It is all there, or has been taken back. */
export function forgetAppend(control: string): void {
  attempt(() => {
    const fd = openSync(pathOf(control), constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW);
    closeSync(fd);
  });
}

/** Whether somebody has begun, and not said that it is done. */
export const isAppendNoted = (control: string): boolean =>
  (statSync(pathOf(control), { throwIfNoEntry: false })?.size ?? 0) > 0;

function noted(control: string): (Begun & { readonly atMs: number }) | null {
  const path = pathOf(control);
  const text = readFileSync(path, "utf8");
  if (!text.endsWith("}\n")) return null;
  return { ...(JSON.parse(text) as Begun), atMs: statSync(path).mtimeMs };
}

/** A message that was being appended when its writer died. For whoever has the mailbox locked. */
export async function takeBack(fd: number, folder: Folder): Promise<void> {
  const { control } = folder.place;
  if (!isAppendNoted(control)) return;
  const begun = noted(control);
  if (begun && (await isCutOff(fd, begun, folder))) {
    ftruncateSync(fd, begun.from);
    fsyncSync(fd);
  }
  forgetAppend(control);
}

async function isCutOff(fd: number, begun: NonNullable<ReturnType<typeof noted>>, folder: Folder): Promise<boolean> {
  const { from, to, head, atMs } = begun;
  const { size, mtimeMs } = fstatSync(fd);
  if (size <= from || size >= to || Math.abs(mtimeMs - atMs) > FRESH_MS) return false;
  if (!(await isEndAt(fd, from, folder))) return false;
  const start = Buffer.alloc(Math.min(head.length, size - from));
  readSync(fd, start, 0, start.length, from);
  if (start.toString("latin1") !== head.slice(0, start.length)) return false;
  return (await countFrom(fd, { from, to: size, quoting: folder.site.quoting })) <= 1;
}

/** Whether what was there before ends at `position`. */
async function isEndAt(fd: number, position: number, { state }: Folder): Promise<boolean> {
  // Where nothing is known any more, its beginning and its time have to do.
  if (state.uidValidity === 0) return true;
  if (state.look.end !== position) return false;
  const last = state.snapshot.size > 0 ? state.snapshot.at(state.snapshot.size - 1).message : state.lead;
  if (!last) return true;
  if (last.behind !== position) return false;
  const layout = await layoutOf(fd, last);
  return layout !== null && isAsKnown(layout, last, state.snapshot.find(last.uid)?.flags ?? new Set());
}

async function countFrom(
  fd: number,
  range: { readonly from: number; readonly to: number; readonly quoting: MboxQuoting },
): Promise<number> {
  let count = 0;
  try {
    for await (const one of scanMbox(fd, range)) count += Math.sign(one.place.length);
  } catch (cause) {
    if (errnoOf(cause) !== "corruption") throw cause;
  }
  return count;
}
