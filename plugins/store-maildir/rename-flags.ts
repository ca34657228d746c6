/** Gives the file of one message the letters of its new flags: a rename of exactly the name that was seen, or of the one it has by now. */
import { renameSync } from "node:fs";
import { StoreError } from "postern/plugin";
import type { Outcomes } from "./flag-outcomes.ts";
import type { Folder } from "./folder.ts";
import type { MessageFile } from "./message-file.ts";

/** The name with the letters that are wanted; `null` if it has them. */
export function targetName({ name, base }: MessageFile, outcomes: Outcomes): string | null {
  const { letters, isSame } = outcomes(name);
  const target = `${base}:2,${letters}`;
  return isSame && (target === name || (letters === "" && name === base)) ? null : target;
}

/** `gone`: somebody has removed the message, which the next comparison shows. */
export function renameFlags(folder: Folder, file: MessageFile, outcomes: Outcomes): "renamed" | "same" | "gone" {
  try {
    const name = file.located((path) => {
      const target = targetName(file, outcomes);
      if (target !== null) renameSync(path, `${folder.path}/cur/${target}`);
      return target;
    });
    if (name !== null) folder.place(file, "cur", name);
    return name === null ? "same" : "renamed";
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== "expunged") throw cause;
    folder.distrust();
    return "gone";
  }
}
