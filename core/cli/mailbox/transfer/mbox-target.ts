/** mbox files as a target: one for each folder, below a directory. Only what a transfer wrote itself is ever cut off again. */
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { MboxEncoder } from "../../../mailbox-files/mbox/encode.ts";
import { formatFromLine } from "../../../mailbox-files/mbox/from-line.ts";
import { formatPlainMeta } from "../../../mailbox-files/mbox/write-meta.ts";
import { CommandError } from "../../command-error.ts";
import { statIfThere } from "../../stat-if-there.ts";
import type { OpenTarget, Prepared, Target } from "./target.ts";

const LF = 10;

export function mboxTarget(directory: string): Target {
  return {
    id: `mbox:${directory}`,
    async close() {},
    async open({ name }) {
      const parts = name.split("/");
      // Whoever names a folder must not name a place elsewhere.
      if (parts.some((part) => part === "" || part === "." || part === ".." || part.includes("\0"))) {
        throw new CommandError(`${name} cannot be a file: say --rename`, exitCodes.dataError);
      }
      const path = `${join(directory, ...parts)}.mbox`;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      return openFile(name, path);
    },
  };
}

/** mboxrd with LF, such as mutt, Dovecot and Thunderbird read: From_ line, message, an empty line. */
function mboxMessage({ content, flags, internalDate }: Prepared): Buffer {
  const encoder = new MboxEncoder("mboxrd");
  const message = Buffer.concat([encoder.write(content), encoder.end()]);
  const header = message.subarray(0, encoder.fields);
  const body = message.subarray(encoder.fields);
  const sender = /^Return-Path: *<([^>\s]*)>/im.exec(header.toString("latin1"))?.[1] ?? "";
  const meta = formatPlainMeta({ uid: 0, flags, isOld: true, base: null, isPseudo: false, tag: "" });
  // RFC 4155: an empty line stands behind each message, and not all who read it do without.
  const end = body.length > 0 && body.at(-1) !== LF ? "\n\n" : "\n";
  const fromLine = formatFromLine(sender, internalDate ?? Date.now());
  return Buffer.concat([Buffer.from(fromLine), header, Buffer.from(meta, "latin1"), body, Buffer.from(end)]);
}

function openFile(name: string, path: string): OpenTarget {
  return {
    name,
    uidValidity: null,
    isEmpty: async () => false,
    keepUids: async () => false,
    async mark() {
      return (await statIfThere(path))?.size ?? 0;
    },
    async append(messages) {
      const file = await open(path, "a", 0o600);
      try {
        for (const message of messages) await file.appendFile(mboxMessage(message));
        await file.sync();
      } finally {
        await file.close();
      }
      return messages.map(() => null);
    },
    async recover(mark) {
      const size = (await statIfThere(path))?.size ?? 0;
      if (size > mark) {
        const file = await open(path, "r+");
        try {
          await file.truncate(mark);
          await file.sync();
        } finally {
          await file.close();
        }
      }
      return new Map();
    },
    async setFlags() {},
    async remove() {},
    async close() {},
  };
}
