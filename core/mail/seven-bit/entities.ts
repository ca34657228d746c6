/**
 * The entities of a message as a flat row of octet ranges, in the order in which they come: headers, bodies that are no more than
 * octets, and what stands between parts.
 */
import type { Structure } from "../structure/structure.ts";

export interface Entity {
  readonly structure: Structure;
  readonly children: readonly Entity[];
  readonly isTop: boolean;
}

export interface Segment {
  readonly kind: "header" | "body" | "between";
  readonly start: number;
  /** The octet behind the last one. */
  readonly end: number;
  /** Whose header or body; of what stands between parts, the one around it. */
  readonly entity: Entity;
}

export function entitiesOf(structure: Structure, isTop = true): Entity {
  // RFC 6532 3.7: message/global has headers beyond ASCII, and is encoded as a whole
  const isWhole = structure.type === "message" && structure.subtype === "global";
  const inside = isWhole ? [] : structure.message ? [structure.message] : structure.children;
  return { structure, isTop, children: inside.map((child) => entitiesOf(child, false)) };
}

export function* segmentsOf(entity: Entity): Generator<Segment> {
  const { header, body } = entity.structure;
  yield { kind: "header", start: header.start, end: body.start, entity };
  const end = body.start + body.length;
  if (entity.children.length === 0) {
    yield { kind: "body", start: body.start, end, entity };
    return;
  }
  let at = body.start;
  for (const child of entity.children) {
    if (child.structure.header.start > at)
      yield { kind: "between", start: at, end: child.structure.header.start, entity };
    yield* segmentsOf(child);
    at = child.structure.body.start + child.structure.body.length;
  }
  if (end > at) yield { kind: "between", start: at, end, entity };
}
