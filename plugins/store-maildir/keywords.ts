/**
 * `dovecot-keywords`: lines of `<number> <keyword>`, number 0 is the letter a. Grows under `dovecot-uidlist.lock`; the new
 * file is written as `dovecot-keywords.lock` and renamed, as Dovecot does. Lines that make no sense are reported, and kept aside when
 * the file is written anew.
 */

import { readFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Flag, StoreError } from "postern/plugin";
import { errnoOf, shareFile } from "postern/store";
import { type Damage, keepDamaged } from "./damaged.ts";
import { findKeyword, isKeyword, MAX_KEYWORDS } from "./flags.ts";

export class Keywords {
  readonly #path: string;
  #names: readonly (string | null)[] = [];
  #stamp = "";
  #isDamaged = false;
  readonly #report: (damage: Damage) => void;

  constructor(directory: string, report: (damage: Damage) => void) {
    this.#path = join(directory, "dovecot-keywords");
    this.#report = report;
  }

  /** By letter; `null` where a number is free. */
  get names(): readonly (string | null)[] {
    return this.#names;
  }

  get inUse(): readonly string[] {
    return this.#names.filter((name) => name !== null);
  }

  get canAdd(): boolean {
    return this.#names.length < MAX_KEYWORDS || this.#names.includes(null);
  }

  /** Takes in what others wrote; says whether anything changed. */
  refresh(): boolean {
    const seen = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    const stamp = seen ? `${seen.ino}.${seen.size}.${seen.mtimeNs}` : "";
    if (stamp === this.#stamp) return false;
    this.#stamp = stamp;
    const { names, bad } = parseKeywords(seen ? this.#read() : "");
    this.#names = names;
    this.#isDamaged = bad.length > 0;
    if (this.#isDamaged) this.#report({ file: "dovecot-keywords", lines: bad });
    return true;
  }

  #read(): string {
    try {
      return readFileSync(this.#path, "utf8");
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return "";
      throw cause;
    }
  }

  missing(flags: readonly Flag[]): readonly Flag[] {
    return flags.filter((flag) => isKeyword(flag) && findKeyword(this.#names, flag) < 0);
  }

  /** Under the lock of the mailbox. Throws `limit` when the letters run out: nothing is changed then. */
  add(flags: readonly Flag[]): void {
    this.refresh();
    const names = [...this.#names];
    for (const flag of this.missing(flags)) {
      const free = names.indexOf(null);
      const index = free < 0 ? names.length : free;
      // Dovecot's Maildir has as many letters; what goes beyond lives in its index only.
      if (index >= MAX_KEYWORDS) throw new StoreError("limit", "This mailbox has no room for more keywords");
      names[index] = flag;
    }
    const text = names.map((name, index) => (name === null ? "" : `${index} ${name}\n`)).join("");
    const lock = `${this.#path}.lock`;
    const before = statSync(this.#path, { throwIfNoEntry: false });
    writeFileSync(lock, text, { mode: 0o600, flush: true });
    shareFile(lock, dirname(this.#path));
    if (before) {
      // Dovecot looks at whole seconds: in the same one it would not see that anything changed, and name our letter by itself.
      const seconds = Math.max(Date.now() / 1000, Math.floor(before.mtimeMs / 1000) + 1);
      utimesSync(lock, seconds, seconds);
    }
    if (this.#isDamaged) keepDamaged(this.#path);
    renameSync(lock, this.#path);
    this.refresh();
  }
}

export function parseKeywords(text: string): { names: readonly (string | null)[]; bad: readonly number[] } {
  const names: (string | null)[] = [];
  const bad: number[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const found = /^(\d{1,2}) (\S+)$/.exec(line);
    const index = Number(found?.[1] ?? MAX_KEYWORDS);
    if (found?.[2] && index < MAX_KEYWORDS && !names[index]) {
      while (names.length <= index) names.push(null);
      names[index] = found[2];
    } else if (line !== "") bad.push(at + 1);
  }
  return { names, bad };
}
