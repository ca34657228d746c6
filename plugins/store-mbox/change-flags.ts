/** STORE: flags stand in fields of the message; where they have room, a change writes a few octets and nothing else. */
import type { FlagChange } from "postern/plugin";
import type { Alteration } from "./alter.ts";
import type { Folder, FolderListener } from "./folder.ts";
import { canonicalFlags } from "./meta-fields.ts";
import type { Entry } from "./snapshot.ts";

export function changeFlags(
  folder: Folder,
  uids: readonly number[],
  { by, ...change }: FlagChange & { readonly by: FolderListener },
): Promise<{ readonly unchanged: readonly number[] }> {
  const wanted = canonicalFlags(change.flags);
  return folder.use(
    "exclusive",
    async (file) => {
      await folder.verify(
        file,
        uids.flatMap((uid) => folder.snapshot.find(uid)?.message ?? []),
      );
      const unchanged: number[] = [];
      const next = new Map<Entry, readonly string[]>();
      const words = change.mode === "remove" ? folder.state.keywords : folder.wordsWith(wanted);
      for (const uid of new Set(uids)) {
        const entry = folder.snapshot.find(uid);
        if (!entry) continue;
        // RFC 7162 3.1.3
        if (change.unchangedSince !== undefined && entry.modseq > change.unchangedSince) unchanged.push(uid);
        else {
          const flags = changed(entry.flags, change.mode, wanted);
          if (flags) next.set(entry, flags);
        }
      }
      if (next.size === 0) return { unchanged };
      const { holder, base } = folder;
      const hasNewWords = words.length !== folder.state.keywords.length;
      const alterations: Alteration[] = [...next].map(([{ message }, flags]) => ({
        message,
        wanted: folder.wantedOf(message, { flags, ...(message === holder && { base: { ...base, keywords: words } }) }),
      }));
      if (hasNewWords && holder && !alterations.some(({ message }) => message === holder)) {
        alterations.unshift({
          message: holder,
          wanted: folder.wantedOf(holder, { base: { ...base, keywords: words } }),
        });
      }
      const { moved, reshaped } = await folder.alter(file, alterations);
      const modseq = folder.nextModseq();
      const flags = [...next].map(
        ([{ uid, message }, after]) => [uid, modseq, after.join(" "), Number(message.isOld), message.crc] as const,
      );
      const put = folder.rowsOf([...reshaped.map(({ uid }) => uid), ...(holder ? [holder.uid] : [])]);
      folder.commit(file.fd, { moved, put, flags, lead: folder.state.leadRow }, { modseq, keywords: words }, by);
      return { unchanged };
    },
    by,
  );
}

/** `null`: they are that already. Keywords are compared without case, and kept as they were written first. */
function changed(
  flags: ReadonlySet<string>,
  mode: FlagChange["mode"],
  wanted: readonly string[],
): readonly string[] | null {
  const folded = new Set(wanted.map((flag) => flag.toLowerCase()));
  const present = new Set([...flags].map((flag) => flag.toLowerCase()));
  const fresh = wanted.filter((flag) => !present.has(flag.toLowerCase()));
  const kept = [...flags].filter((flag) => mode === "add" || folded.has(flag.toLowerCase()) === (mode === "replace"));
  const after = mode === "remove" ? kept : [...kept, ...fresh];
  return after.length === flags.size && after.every((flag) => flags.has(flag)) ? null : after;
}
