/** mbox files as a target: one for each folder, below a directory. Only what a transfer wrote itself is ever cut off again. */
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { CommandError } from "../../command-error.ts";
import { statIfThere } from "../../stat-if-there.ts";
import { writeMessage } from "./mbox-format.ts";
import type { OpenTarget, Target } from "./target.ts";

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
        for (const { content, flags, internalDate } of messages) {
          await file.appendFile(writeMessage(content, { flags, dateMs: internalDate ?? Date.now() }));
        }
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
