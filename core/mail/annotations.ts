/**
 * Annotations of RFC 5464: names of entries, and the file that stores keep them in: a line for each, `<name> <value in base64>`. A
 * line that makes no sense is passed over.
 */

/** RFC 5464 3.2: ASCII without `*`, `%` and controls; no empty component, none that is left open; at least `/private/x`. */
const entryName = /^\/(?:private|shared)(?:\/[\x21-\x24\x26-\x29\x2b-\x2e\x30-\x7e]+)+$/;
const maxNameLength = 256;

/** In lower case, as names are compared without regard to it (RFC 5464 3.2); `null` if it is none. */
export function annotationName(name: string): string | null {
  const lower = name.toLowerCase();
  return lower.length <= maxNameLength && entryName.test(lower) ? lower : null;
}

export function parseAnnotations(text: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const line of text.split("\n")) {
    const blank = line.indexOf(" ");
    const name = annotationName(line.slice(0, Math.max(blank, 0)));
    const value = line.slice(blank + 1);
    if (name !== null && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) found.set(name, Buffer.from(value, "base64"));
  }
  return found;
}

export const formatAnnotations = (annotations: ReadonlyMap<string, Uint8Array>): string =>
  [...annotations]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name} ${Buffer.from(value).toString("base64")}\n`)
    .join("");
