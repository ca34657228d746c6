/**
 * Files of a mailbox that hold something nobody understands: the log says where, and before such a file is written anew it is kept as
 * `postern-damaged-<name>` beside it, the latest one, so that nothing is lost that a person could still read.
 */

import { linkSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Log } from "postern/plugin";
import { attempt } from "postern/store";

export interface Damage {
  /** Name of the file in the mailbox. */
  readonly file: string;
  /** Numbers of its lines that make no sense, from 1. */
  readonly lines: readonly number[];
}

/** So many line numbers are told; how many there were is told as well. */
const TOLD = 10;

export const damageReport =
  (log: Log, mailbox: string) =>
  ({ file, lines }: Damage): void =>
    log.warn(
      { mailbox, file, lines: lines.slice(0, TOLD), count: lines.length },
      "lines that make no sense are passed over",
    );

export function keepDamaged(path: string): void {
  const kept = join(dirname(path), `postern-damaged-${basename(path)}`);
  const temporary = `${kept}.${process.pid}`;
  attempt(() => {
    linkSync(path, temporary);
    renameSync(temporary, kept);
  });
}
