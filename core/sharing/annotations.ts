/**
 * Annotations (RFC 5464) as a login has them: shared ones are the mailbox's, and need `w` to be changed; private ones of others than the
 * owner stand in a note of their own beside the mailbox.
 */
import { type AnnotationLimits, type Annotations, StoreError } from "../contracts/mailbox-store.ts";
import type { Rights } from "../mail/acl-rights.ts";
import { annotationName, formatAnnotations, parseAnnotations } from "../mail/annotations.ts";
import { readerHash } from "./reader-seen.ts";
import type { Place } from "./regions.ts";

const isShared = (name: string): boolean => name.toLowerCase().startsWith("/shared/");
const noteOf = (login: string) => `private-${readerHash(login)}` as const;

export async function annotationsAs({ region, name }: Place): Promise<Annotations> {
  const all = await region.mail.annotations(name);
  if (region.reader.isOwner) return all;
  const note = await region.mail.notes?.read(name, noteOf(region.reader.login));
  return new Map([...[...all].filter(([entry]) => isShared(entry)), ...parseAnnotations(note?.text ?? "")]);
}

export async function annotateAs(
  { region, name, rights }: Place & { readonly rights: Rights },
  entries: ReadonlyMap<string, Uint8Array | null>,
): Promise<void> {
  const shared = new Map([...entries].filter(([entry]) => isShared(entry)));
  if (shared.size > 0 && !rights.has("w"))
    throw new StoreError("noPermission", "You may not change what all readers see of this mailbox");
  if (region.reader.isOwner) return region.mail.annotate(name, entries);
  const own = new Map([...entries].filter(([entry]) => !isShared(entry)));
  if (own.size > 0) await annotatePrivately({ region, name }, own);
  if (shared.size > 0) await region.mail.annotate(name, shared);
}

async function annotatePrivately(
  { region, name }: Place,
  entries: ReadonlyMap<string, Uint8Array | null>,
): Promise<void> {
  const { notes, annotationLimits } = region.mail;
  if (!notes) throw new StoreError("cannot", "Nothing can be kept for you here");
  const wanted = [...entries].map(([entry, value]) => [checked(entry, value, annotationLimits), value] as const);
  await notes.change(name, noteOf(region.reader.login), (text) => {
    const after = parseAnnotations(text);
    for (const [entry, value] of wanted) {
      if (value === null) after.delete(entry);
      else after.set(entry, Buffer.from(value));
    }
    if (after.size > annotationLimits.entries) throw new StoreError("limit", "Too many annotations");
    return formatAnnotations(after);
  });
}

function checked(entry: string, value: Uint8Array | null, { valueBytes }: AnnotationLimits): string {
  const canonical = annotationName(entry);
  if (canonical === null) throw new StoreError("cannot", "This is no name of an annotation");
  if (value && value.length > valueBytes) throw new StoreError("limit", "The value is too large");
  return canonical;
}
