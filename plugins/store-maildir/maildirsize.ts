/**
 * `maildirsize` of Maildir++, which Dovecot, Courier and maildrop know, too: the limits in the first line, then a line for each change, the
 * first of them what was counted. Appended to without a lock. When it is missing, has grown long, has other limits or makes no sense, the
 * account is counted anew. Changes that meet with a count may be in it or not: the next one puts that right.
 */

import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { QuotaLimit, QuotaRule, Usage, UsageLedger } from "postern/plugin";
import { attempt, errnoOf } from "postern/store";
import type { MailboxTree } from "./mailbox-tree.ts";
import { usageOfAll } from "./usage.ts";

/** By the specification of Maildir++: beyond it, count anew. */
export const MAX_BYTES = 5_120;

/** Counts that run in this process, by path: whoever comes meanwhile waits for the same. */
const counting = new Map<string, Promise<Usage>>();

export class MaildirSize implements UsageLedger {
  readonly #tree: MailboxTree;
  readonly #rule: QuotaRule;
  readonly path: string;

  constructor(tree: MailboxTree, rule: QuotaRule) {
    this.#tree = tree;
    this.#rule = rule;
    this.path = join(tree.root, "maildirsize");
  }

  read(): Usage | Promise<Usage> {
    const text = textOf(this.path);
    const usage = text === null ? null : parsed(text, this.#rule.hard);
    return usage ?? this.recount();
  }

  /** Where there is none, the next count has the change in it. */
  add({ bytes, messages }: Usage): void {
    let fd: number;
    try {
      fd = openSync(this.path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return;
      throw cause;
    }
    try {
      // One write: others append as well.
      writeSync(fd, `${bytes} ${messages}\n`);
    } finally {
      closeSync(fd);
    }
  }

  recount(): Promise<Usage> {
    const running = counting.get(this.path);
    if (running) return running;
    const count = this.#count().finally(() => counting.delete(this.path));
    counting.set(this.path, count);
    return count;
  }

  async #count(): Promise<Usage> {
    const usage = await usageOfAll(this.#tree, (mailbox) => this.#rule.ignores(mailbox));
    const temporary = join(this.#tree.root, "tmp", `maildirsize.${process.pid}.${randomBytes(6).toString("hex")}`);
    try {
      const text = `${definition(this.#rule.hard)}\n${usage.bytes} ${usage.messages}\n`;
      writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
      renameSync(temporary, this.path);
    } catch (cause) {
      attempt(() => unlinkSync(temporary));
      // An account that nothing was delivered to yet has no Maildir.
      if (errnoOf(cause) !== "ENOENT") throw cause;
    }
    return usage;
  }
}

const definition = ({ bytes, messages }: QuotaLimit): string =>
  [...(bytes === null ? [] : [`${bytes}S`]), ...(messages === null ? [] : [`${messages}C`])].join(",");

/** `null`: to be counted anew. */
export function parsed(text: string, hard: QuotaLimit): Usage | null {
  const [first, ...lines] = text.split("\n");
  if (text.length >= MAX_BYTES || first !== definition(hard) || lines.pop() !== "" || lines.length === 0) return null;
  let [bytes, messages] = [0, 0];
  for (const line of lines) {
    const [, changedBytes, changedMessages] = /^ *(-?\d{1,16}) +(-?\d{1,16}) *$/.exec(line) ?? [];
    if (changedMessages === undefined) return null;
    bytes += Number(changedBytes);
    messages += Number(changedMessages);
  }
  return bytes < 0 || messages < 0 ? null : { bytes, messages };
}

function textOf(path: string): string | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return null;
    throw cause;
  }
  try {
    const bytes = Buffer.allocUnsafe(Math.min(fstatSync(fd).size, MAX_BYTES));
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}
