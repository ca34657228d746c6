/**
 * Header changes of an `amend` answer on a header block: gives a new block, or the same one if nothing changed. `prepend` goes
 * above all fields, so the last one prepended stands first; `append` goes below the last field. Edits of single fields come first. Names and values were checked
 * with the verdict.
 */
import type { Change, HeaderEdit } from "../contracts/verdicts.ts";
import { parseAddress } from "../mail/address.ts";
import { editAddresses } from "../mail/address-editor.ts";
import { buildField, editFields, parseHeader } from "../mail/header.ts";

const crlf = Buffer.from("\r\n");

export function editHeader(block: Uint8Array, changes: readonly Change[]): Uint8Array {
  const above: Uint8Array[] = [];
  const below: Uint8Array[] = [];
  let header = withEdits(block, changes);
  for (const change of changes) {
    switch (change.op) {
      case "prepend":
        above.unshift(fieldOf(change.header, change.value));
        break;
      case "append":
        below.push(fieldOf(change.header, change.value));
        break;
      case "removeHeader":
        // What was added earlier in the same answer is removed as well.
        header = withoutField(assemble(above, header, below), change.header.toLowerCase());
        above.length = 0;
        below.length = 0;
        break;
      case "readdress":
        header = readdress(assemble(above, header, below), change);
        above.length = 0;
        below.length = 0;
        break;
    }
  }
  return assemble(above, header, below);
}

/** An address of a message is compared as it is meant: domains without case, quotes only where they are needed. */
function readdress(header: Uint8Array, { headers, addresses }: Extract<Change, { op: "readdress" }>): Uint8Array {
  const targets = new Map(addresses.map(({ from, to }) => [from.toString(), to.toString()]));
  if (targets.size === 0) return header;
  const names = new Set(headers.map((name) => name.toLowerCase()));
  return editFields(header, names, (value) =>
    editAddresses(value, ({ localPart, domain }) => {
      const address = domain === null ? null : parseAddress(textOf(`${localPart}@${domain}`));
      const target = address === null ? undefined : targets.get(address.toString());
      return target === undefined ? null : octetsOf(target);
    }),
  );
}

const textOf = (octets: string): string => Buffer.from(octets, "latin1").toString("utf8");
const octetsOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

function assemble(above: readonly Uint8Array[], header: Uint8Array, below: readonly Uint8Array[]): Uint8Array {
  if (above.length === 0 && below.length === 0) return header;
  const end = fieldsEnd(header);
  const unfinished = end > 0 && header[end - 1] !== 0x0a ? [crlf] : [];
  return Buffer.concat([...above, header.subarray(0, end), ...unfinished, ...below, header.subarray(end)]);
}

/** Single fields, while their numbers hold. Of two edits of one field the last counts. Throws for a field that is not there. */
function withEdits(block: Uint8Array, changes: readonly Change[]): Uint8Array {
  const edits = new Map<number, HeaderEdit["field"]>();
  for (const change of changes)
    if (change.op === "editHeader") for (const { index, field } of change.edits) edits.set(index, field);
  if (edits.size === 0) return block;
  const fields = parseHeader(block);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const index of [...edits.keys()].sort((one, other) => one - other)) {
    const field = fields[index];
    if (!field) throw new RangeError(`there is no header field ${index} to edit`);
    const edit = edits.get(index);
    pieces.push(block.subarray(from, field.start));
    if (edit) pieces.push(fieldOf(edit.header, edit.value));
    from = field.end;
  }
  return Buffer.concat([...pieces, block.subarray(from)]);
}

function withoutField(header: Uint8Array, name: string): Uint8Array {
  const kept: Uint8Array[] = [];
  let from = 0;
  for (const field of parseHeader(header)) {
    if (field.name.toLowerCase() !== name) continue;
    kept.push(header.subarray(from, field.start));
    from = field.end;
  }
  if (kept.length === 0) return header;
  kept.push(header.subarray(from));
  return Buffer.concat(kept);
}

/** A body needs the empty line before it. */
export function closedHeader(header: Uint8Array): Uint8Array {
  const end = fieldsEnd(header);
  if (end < header.length) return header;
  const unfinished = end > 0 && header[end - 1] !== 0x0a ? [crlf] : [];
  return Buffer.concat([header, ...unfinished, crlf]);
}

/** Where new fields at the end go: before the empty line that closes the block, or at its end if there is none. */
function fieldsEnd(block: Uint8Array): number {
  const { length } = block;
  const isCrlfBefore = (at: number) => block[at - 2] === 0x0d && block[at - 1] === 0x0a;
  return isCrlfBefore(length) && (length === 2 || isCrlfBefore(length - 2)) ? length - 2 : length;
}

/** What an author folded stays byte by byte, as a signature must; a long line is folded. */
const fieldOf = (name: string, value: string): Uint8Array =>
  value.includes("\r\n") ? Buffer.from(`${name}: ${value}\r\n`) : buildField(name, value);
