/** Gathers what a search finds, in the order of the mailbox, and stops when the answer is sure. */
import type { Extent } from "./answer.ts";
import type { Hit, Search } from "./search.ts";

export interface Gathered {
  readonly hits: readonly Hit[];
  /** `false`: messages that are gone could not be looked at. */
  readonly isComplete: boolean;
}

export async function gather(search: Search, extent: Extent): Promise<Gathered> {
  switch (extent.at) {
    case "everything":
      return take(search, "up", Number.POSITIVE_INFINITY);
    case "upTo": {
      const { hits, isComplete } = await take(search, extent.direction, extent.limit);
      return { hits: extent.direction === "down" ? hits.toReversed() : hits, isComplete };
    }
    case "ends": {
      const first = await take(search, "up", 1);
      const last = first.hits.length === 0 ? first : await take(search, "down", 1);
      const [lowest, highest] = [first.hits[0], last.hits[0]];
      const isComplete = first.isComplete && last.isComplete;
      if (!lowest || !highest) return { hits: [], isComplete };
      return { hits: lowest.number === highest.number ? [lowest] : [lowest, highest], isComplete };
    }
  }
}

async function take(search: Search, direction: "up" | "down", limit: number): Promise<Gathered> {
  const hits: Hit[] = [];
  const isComplete = await search.walk(direction, (hit) => hits.push(hit) < limit);
  return { hits, isComplete };
}
