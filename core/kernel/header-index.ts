/**
 * A header block by field name, found by walking the bytes once, when first asked. Values are decoded when asked for.
 * Never throws: a line that is no field belongs to no field.
 */
const colon = 0x3a;
const lf = 0x0a;
const cr = 0x0d;
const space = 0x20;
const tab = 0x09;

export interface FieldRange {
  /** Lower case. */
  readonly name: string;
  readonly start: number;
  /** Behind the CRLF of its last line. */
  readonly end: number;
  /** Behind the colon. */
  readonly valueStart: number;
}

/** Where each field stands, in order. RFC 5322 2.2; lenient: a bare LF ends a line, white space before the colon is let pass. */
export function fieldRanges(block: Uint8Array): readonly FieldRange[] {
  const fields: FieldRange[] = [];
  let start = 0;
  while (start < block.length) {
    const end = fieldEnd(block, start);
    const field = fieldAt(block, start, end);
    if (field) fields.push(field);
    start = end;
  }
  return fields;
}

/** RFC 5322 2.2.3: lines that begin with white space continue the field. */
function fieldEnd(block: Uint8Array, start: number): number {
  let from = start;
  for (;;) {
    const newline = block.indexOf(lf, from);
    if (newline === -1) return block.length;
    const next = block[newline + 1];
    if (next !== space && next !== tab) return newline + 1;
    from = newline + 1;
  }
}

function fieldAt(block: Uint8Array, start: number, end: number): FieldRange | null {
  const at = block.indexOf(colon, start);
  if (at <= start || at >= end) return null;
  let nameEnd = at;
  while (nameEnd > start && (block[nameEnd - 1] === space || block[nameEnd - 1] === tab)) nameEnd -= 1;
  for (let index = start; index < nameEnd; index += 1) {
    const byte = block[index] ?? 0;
    if (byte <= space || byte >= 0x7f) return null;
  }
  const name = Buffer.from(block.buffer, block.byteOffset + start, nameEnd - start)
    .toString("latin1")
    .toLowerCase();
  return name === "" ? null : { name, start, end, valueStart: at + 1 };
}

export class HeaderIndex {
  readonly #block: Uint8Array;
  #fields: Map<string, FieldRange[]> | null = null;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  /** The first field of that name, unfolded. */
  get(name: string): string | undefined {
    const field = this.#find(name)?.[0];
    return field && this.#value(field);
  }

  all(name: string): readonly string[] {
    return this.#find(name)?.map((field) => this.#value(field)) ?? [];
  }

  #find(name: string): readonly FieldRange[] | undefined {
    if (!this.#fields) {
      this.#fields = new Map();
      for (const field of fieldRanges(this.#block)) {
        const sameName = this.#fields.get(field.name);
        if (sameName) sameName.push(field);
        else this.#fields.set(field.name, [field]);
      }
    }
    return this.#fields.get(name.toLowerCase());
  }

  #value({ valueStart, end }: FieldRange): string {
    const { buffer, byteOffset } = this.#block;
    const raw = Buffer.from(buffer, byteOffset + valueStart, end - valueStart).toString("utf8");
    return raw
      .replace(/\r?\n(?=[ \t])/g, "")
      .replace(/[\r\n]/g, "")
      .trim();
  }
}

/** Where new fields at the end go: before the empty line that closes the block, or at its end if there is none. */
export function fieldsEnd(block: Uint8Array): number {
  const { length } = block;
  const endsInCrlf = (at: number) => block[at - 2] === cr && block[at - 1] === lf;
  if (endsInCrlf(length) && (length === 2 || endsInCrlf(length - 2))) return length - 2;
  return length;
}
