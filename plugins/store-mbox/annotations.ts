/**
 * Annotations (RFC 5464) in `annotations`, in the directory of what belongs to their mailbox: they go where it goes. Those of the server,
 * as this account sees it, are in `.postern/server-annotations`.
 */
import { join } from "node:path";
import { annotationName, formatAnnotations, parseAnnotations } from "postern/mail";
import { type AnnotationLimits, type Annotations, StoreError } from "postern/plugin";
import { changeText, readText } from "./small-file.ts";

export const annotationLimits: AnnotationLimits = { valueBytes: 64 * 1024, entries: 100 };

export interface AnnotatedPlace {
  readonly directory: string;
  readonly isServer: boolean;
}

const fileOf = ({ directory, isServer }: AnnotatedPlace): string =>
  join(directory, isServer ? "server-annotations" : "annotations");

export const annotationsIn = (place: AnnotatedPlace): Annotations => parseAnnotations(readText(fileOf(place)));

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
  await changeText(fileOf(place), (text) => {
    const after = parseAnnotations(text);
    for (const [name, value] of wanted) {
      if (value === null) after.delete(name);
      else after.set(name, Buffer.from(value));
    }
    if (after.size > annotationLimits.entries) throw new StoreError("limit", "Too many annotations");
    return formatAnnotations(after);
  });
}
