/** Looks over `dovecot-uidlist` and `dovecot-keywords`: what does not hold is written anew from what does, under the mailbox's lock. */

import { linkSync, readFileSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { attempt, errnoOf } from "postern/store";
import { baseOf } from "./file-name.ts";
import { withUidLock } from "./folder-lock.ts";
import type { Inspection } from "./inspect.ts";
import { filesIn } from "./inspect-messages.ts";
import { parseHeader, parseRecord } from "./uidlist-format.ts";

export async function inspectLists(inspection: Inspection): Promise<void> {
  await inspectUidList(inspection);
  await inspectKeywords(inspection);
}

interface ListFaults {
  readonly badLines: readonly number[];
  readonly doubleUids: readonly number[];
  readonly doubleNames: number;
  readonly hasHeader: boolean;
}

async function inspectUidList({ place, site, found }: Inspection): Promise<void> {
  const text = textOf(join(place.path, "dovecot-uidlist"));
  if (text === null) {
    const hasMail = filesIn(place.path).length > 0;
    if (hasMail) {
      await found({ kind: "uid-list", text: "there is no list of UIDs: messages get new ones" }, async () => {
        await site.folders.at(place, site).sync();
        return "gave UIDs, under a new UIDVALIDITY";
      });
    }
    return;
  }
  const { badLines, doubleUids, doubleNames, hasHeader } = faultsOf(text);
  let isRewritten = false;
  const rewrite = async (): Promise<string> => {
    const folder = site.folders.at(place, site);
    // Before anything writes it anew, and once: what is kept must be what was damaged.
    if (!isRewritten) {
      keepAside(folder.uidlist.path);
      await folder.sync();
      await folder.mutex.run(() =>
        withUidLock(folder, async () => {
          folder.uidlist.refresh();
          await folder.uidlist.rewrite();
        }),
      );
    }
    isRewritten = true;
    return "wrote the list anew; the old one is kept beside it";
  };
  if (!hasHeader) {
    await found({ kind: "uid-list", text: "the list of UIDs cannot be read at all" }, async () => {
      keepAside(join(place.path, "dovecot-uidlist"));
      await site.folders.at(place, site).sync();
      return "gave UIDs anew, under a new UIDVALIDITY; the old list is kept beside it";
    });
    return;
  }
  if (badLines.length > 0) {
    const lines = `${badLines.slice(0, 10).join(", ")}${badLines.length > 10 ? " and more" : ""}`;
    await found({ kind: "uid-list", text: `the list of UIDs makes no sense in line ${lines}` }, rewrite);
  }
  for (const uid of doubleUids.slice(0, 100)) {
    await found({ kind: "double-uid", text: `two messages have the UID ${uid}`, uid }, rewrite);
  }
  if (doubleNames > 0) {
    await found({ kind: "uid-list", text: `${doubleNames} messages stand in the list of UIDs twice` }, rewrite);
  }
}

function faultsOf(text: string): ListFaults {
  const lines = text.split("\n");
  const hasEnd = lines.pop() === "";
  const header = parseHeader(lines[0] ?? "");
  const badLines: number[] = hasEnd ? [] : [lines.length + 1];
  const byUid = new Map<number, string>();
  const bases = new Set<string>();
  const doubleUids: number[] = [];
  let doubleNames = 0;
  let last = 0;
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue;
    const record = parseRecord(line, header?.version ?? 3);
    if (record === null) badLines.push(index + 1);
    else if (byUid.has(record.uid) && byUid.get(record.uid) !== record.base) doubleUids.push(record.uid);
    else if (record.uid <= last) badLines.push(index + 1);
    if (record === null) continue;
    if (bases.has(record.base)) doubleNames++;
    bases.add(record.base);
    byUid.set(record.uid, record.base);
    last = Math.max(last, record.uid);
  }
  return { badLines, doubleUids, doubleNames, hasHeader: header !== null };
}

async function inspectKeywords({ place, found }: Inspection): Promise<void> {
  const path = join(place.path, "dovecot-keywords");
  const lines = (textOf(path) ?? "").split("\n");
  const known = new Set<number>();
  const bad: number[] = [];
  for (const [index, line] of lines.entries()) {
    const number = /^(\d{1,2}) \S+$/.exec(line)?.[1];
    if (number !== undefined && Number(number) < 26 && !known.has(Number(number))) known.add(Number(number));
    else if (line !== "") bad.push(index + 1);
  }
  if (bad.length > 0) {
    const text = `dovecot-keywords makes no sense in line ${bad.slice(0, 10).join(", ")}`;
    await found({ kind: "keywords", text }, () => {
      keepAside(path);
      return "kept a copy: the file is written anew with the next keyword";
    });
  }
  const nameless = new Set<string>();
  for (const { name } of filesIn(place.path)) {
    const letters = /:2,.*?([a-z]+)/.exec(name.slice(baseOf(name).length))?.[1] ?? "";
    for (const letter of letters) if (!known.has(letter.charCodeAt(0) - 97)) nameless.add(letter);
  }
  if (nameless.size > 0) {
    const text = `messages have keywords that nobody knows the names of: ${[...nameless].sort().join(", ")}`;
    await found({ kind: "keywords", text });
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return null;
    throw cause;
  }
}

/** A second link: nothing is lost that a person could still read. */
function keepAside(path: string): void {
  const kept = join(dirname(path), `postern-damaged-${basename(path)}`);
  const temporary = `${kept}.${process.pid}`;
  attempt(() => {
    linkSync(path, temporary);
    renameSync(temporary, kept);
  });
}
