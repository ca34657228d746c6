/** One pass over a message that keeps its headers and counts the octets of everything else. What is too much to keep is `impossible`. */
import { type Entity, type Segment, segmentsOf } from "./entities.ts";
import { OctetCount } from "./octet-count.ts";

/** In all entities together; StructureParser looks at no more of them either. */
const HEADERS_LIMIT = 1_048_576;

export interface Survey {
  readonly at: "surveyed";
  readonly headers: ReadonlyMap<Entity, Buffer>;
  readonly bodies: ReadonlyMap<Entity, OctetCount>;
  /** Entities with octets beyond ASCII in front of, between or behind their parts. */
  readonly foreignBetween: ReadonlySet<Entity>;
}

export async function surveyed(
  top: Entity,
  content: AsyncIterable<Uint8Array>,
): Promise<Survey | { readonly at: "impossible"; readonly reason: string }> {
  const headers = new Map<Entity, Buffer>();
  const bodies = new Map<Entity, OctetCount>();
  const foreignBetween = new Set<Entity>();
  let budget = HEADERS_LIMIT;
  let kept: Uint8Array[] = [];
  let count = new OctetCount();
  const segments = segmentsOf(top);
  const begin = (): Segment | null => {
    const next = segments.next();
    kept = [];
    count = new OctetCount();
    return next.done ? null : next.value;
  };
  const finish = ({ kind, entity }: Segment): void => {
    if (kind === "header") headers.set(entity, Buffer.concat(kept));
    else if (kind === "body") bodies.set(entity, count.end());
    else if (count.end().hasForeign) foreignBetween.add(entity);
  };
  let segment = begin();
  let position = 0;
  for await (const piece of content) {
    let from = 0;
    while (segment) {
      const to = Math.min(piece.length, segment.end - position);
      if (to > from) {
        const part = piece.subarray(from, to);
        if (segment.kind === "header") {
          budget -= part.length;
          if (budget < 0) return { at: "impossible", reason: "its headers are too large" };
          kept.push(part);
        } else count.write(part);
        from = to;
      }
      if (position + from < segment.end) break;
      finish(segment);
      segment = begin();
    }
    position += piece.length;
  }
  for (; segment; segment = begin()) finish(segment);
  return { at: "surveyed", headers, bodies, foreignBetween };
}
