/** STORE: flags stand in fields of the message; where they have room, a change writes a few octets and nothing else. */
import type { FlagChange } from "postern/plugin";
import { canonicalFlags, type FolderListener } from "postern/store";
import type { Folder } from "./folder.ts";
import type { Message } from "./message.ts";

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
      const next = new Map<Message, readonly string[]>();
      const words = change.mode === "remove" ? folder.state.keywords : folder.wordsWith(wanted);
      for (const uid of new Set(uids)) {
        const entry = folder.snapshot.find(uid);
        if (!entry) continue;
        // RFC 7162 3.1.3
        if (change.unchangedSince !== undefined && entry.modseq > change.unchangedSince) unchanged.push(uid);
        else {
          const flags = changed(entry.flags, change.mode, wanted);
          if (flags) next.set(entry.message, flags);
        }
      }
      if (next.size === 0) return { unchanged };
      const { holder } = folder;
      const base = { ...folder.base, keywords: words };
      const messages = [...next.keys()];
      if (words.length !== folder.state.keywords.length && holder && !next.has(holder)) messages.push(holder);
      const touched = await folder.alter(file, messages, (message) => {
        const flags = next.get(message);
        return folder.wantedOf(message, { ...(flags && { flags }), ...(message === holder && { base }) });
      });
      const put = [...next].map(([message, flags]) => ({ message, flags }));
      await folder.commit(file.fd, { put, touched, keywords: words }, by);
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
