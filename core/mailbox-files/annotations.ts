/**
 * Annotations (RFC 5464) of one mailbox, or of the server as one account sees it, in a file that goes where the mailbox goes. They are few
 * and small.
 */
import { type AnnotationLimits, type Annotations, StoreError } from "../contracts/mailbox-store.ts";
import { annotationName, formatAnnotations, parseAnnotations } from "../mail/annotations.ts";
import { changeText, readText } from "./small-file.ts";

export const annotationLimits: AnnotationLimits = { valueBytes: 64 * 1024, entries: 100 };

export interface AnnotatedPlace {
  readonly file: string;
  /** Of the server, not of a mailbox. */
  readonly isServer: boolean;
}

export const annotationsIn = (place: AnnotatedPlace): Annotations => parseAnnotations(readText(place.file));

export async function changeAnnotations(
  place: AnnotatedPlace,
  entries: ReadonlyMap<string, Uint8Array | null>,
): Promise<void> {
  const wanted = [...entries].map(([name, value]) => {
    const canonical = annotationName(name);
    if (canonical === null) throw new StoreError("cannot", "This is no name of an annotation");
    if (place.isServer && canonical.startsWith("/shared/")) {
      throw new StoreError("noPermission", "Shared annotations of the server are not the account's to set");
    }
    if (value && value.length > annotationLimits.valueBytes) throw new StoreError("limit", "The value is too large");
    return [canonical, value] as const;
  });
  await changeText(place.file, (text) => {
    const after = parseAnnotations(text);
    for (const [name, value] of wanted) {
      if (value === null) after.delete(name);
      else after.set(name, Buffer.from(value));
    }
    if (after.size > annotationLimits.entries) throw new StoreError("limit", "Too many annotations");
    return formatAnnotations(after);
  });
}
