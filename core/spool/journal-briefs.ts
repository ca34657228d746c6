/** Briefs of the messages that are only in the journal, segment by segment in the order of their bytes: a list reads it once, in large pieces. */
import type { Brief } from "./brief.ts";
import type { Entry } from "./entry.ts";
import { briefAt } from "./reading.ts";
import type { Segment } from "./segment.ts";

const windowBytes = 256 * 1024;

interface Located {
  readonly entry: Entry;
  readonly offset: number;
}

/** `null` for one that has to be read by itself. */
export async function* journalBriefs(
  entries: readonly Entry[],
): AsyncIterable<readonly (readonly [Entry, Brief | null])[]> {
  for (const [segment, all] of bySegment(entries)) {
    yield all.flatMap(({ entry }) => (entry.brief ? [[entry, entry.presentBrief] as const] : []));
    const located = all.filter(({ entry }) => entry.brief === null);
    located.sort((one, other) => one.offset - other.offset);
    for (let next = 0; next < located.length; ) {
      const from = located[next]?.offset ?? 0;
      const bytes = await windowOf(segment, from);
      const first = next;
      const found: (readonly [Entry, Brief | null])[] = [];
      for (; next < located.length; next += 1) {
        const { entry, offset } = located[next] as Located;
        if (offset - from >= bytes.length && next > first) break;
        if (entry.isRemoved) continue;
        const isStill = entry.place.at === "journal" && entry.place.segment === segment;
        const brief = isStill ? briefAt(entry, bytes.subarray(offset - from)) : null;
        // It may go on behind the window: it is the first of the next one then.
        if (!brief && isStill && next > first) break;
        found.push([entry, brief]);
      }
      yield found;
    }
  }
}

function bySegment(entries: readonly Entry[]): Map<Segment, Located[]> {
  const found = new Map<Segment, Located[]>();
  for (const entry of entries) {
    const { place } = entry;
    if (place.at !== "journal") continue;
    const located = found.get(place.segment) ?? [];
    if (located.length === 0) found.set(place.segment, located);
    located.push({ entry, offset: place.offset });
  }
  return found;
}

/** Nothing where the segment cannot be read: each message is tried by itself then, and says why. */
const windowOf = (segment: Segment, from: number): Promise<Buffer> =>
  segment.read(from, windowBytes).catch(() => Buffer.alloc(0));
