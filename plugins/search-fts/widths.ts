/**
 * How wide signatures are: a message of many words needs a wide one to be told from others. Messages of one width are kept together. One
 * that would fill even the widest is only known, and never ruled out.
 */

export interface Width {
  /** Stands in files. */
  readonly id: number;
  /** Places of a signature. */
  readonly places: number;
  /** Places of the widest signature that a message may take. */
  readonly fill: number;
  /** Messages of a segment: a multiple of 8. */
  readonly capacity: number;
}

/** A segment has one mebibyte of signatures. */
export const widths: readonly Width[] = [
  { id: 1, places: 8192, fill: 2048, capacity: 1024 },
  { id: 2, places: 32_768, fill: 8192, capacity: 256 },
  { id: 3, places: 131_072, fill: 32_768, capacity: 64 },
];

/** `null`: too much for any. */
export const widthFor = (count: number): Width | null => widths.find(({ fill }) => count <= fill) ?? null;

export const widthOf = (id: number): Width | null => widths.find((width) => width.id === id) ?? null;
