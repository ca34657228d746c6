/**
 * Whether the end of a file is a piece of a message whose writer died. Only what is surely ours is: it stands where the last message that is
 * known ends, that one is as it was, it begins as ours did and is shorter, and nobody has begun another message behind it.
 */

import { fstatSync, fsyncSync, ftruncateSync, readSync } from "node:fs";
import { errnoOf } from "postern/store";
import { fieldsCrc } from "./alter.ts";
import type { Folder } from "./folder.ts";
import type { Begun } from "./index-file.ts";
import type { Message } from "./message.ts";
import { type Quoting, scanMessages } from "./scan.ts";

interface Before {
  /** Where what is known ends. */
  readonly end: number;
  readonly last: Message | null;
  readonly quoting: Quoting;
}

async function isCutOff(fd: number, { from, to, head }: Begun, { end, last, quoting }: Before): Promise<boolean> {
  const { size } = fstatSync(fd);
  if (end !== from || size <= from || size >= to) return false;
  const place = last?.place;
  if (last && place && (place.start + place.length !== from || fieldsCrc(fd, place) !== last.crc)) return false;
  const start = Buffer.alloc(Math.min(head.length, size - from));
  readSync(fd, start, 0, start.length, from);
  if (start.toString("latin1") !== head.slice(0, start.length)) return false;
  let count = 0;
  try {
    for await (const one of scanMessages(fd, { from, to: size, quoting })) count += Math.sign(one.place.length);
  } catch (cause) {
    if (errnoOf(cause) !== "corruption") throw cause;
  }
  return count <= 1;
}

/** A message that was being appended when its writer died. For whoever has the mailbox locked. */
export async function takeBack(fd: number, begun: Begun, { state, site }: Folder): Promise<void> {
  const last = state.snapshot.size > 0 ? state.snapshot.at(state.snapshot.size - 1).message : state.lead;
  if (!(await isCutOff(fd, begun, { end: state.look.end, last, quoting: site.quoting }))) return;
  ftruncateSync(fd, begun.from);
  fsyncSync(fd);
}
