/**
 * Which octets of a message are replaced so that it can go through a 7bit host, or why it cannot. Refuses rather than guesses: whoever
 * reads the message afterwards has to find the octets that were sent, under the signature that was made over them.
 */
import { fieldValue, type HeaderField, parseHeader } from "../header.ts";
import { parseContentType, parseToken } from "../structure/field-value.ts";
import type { Entity } from "./entities.ts";
import type { OctetCount } from "./octet-count.ts";
import type { Survey } from "./survey.ts";

export type Edit =
  | { readonly do: "replace"; readonly start: number; readonly end: number; readonly bytes: Uint8Array }
  | { readonly do: "quoted-printable" | "base64"; readonly start: number; readonly end: number };

export type Plan =
  | { readonly at: "planned"; readonly edits: readonly Edit[] }
  | { readonly at: "impossible"; readonly reason: string };

/** RFC 6376 3.5, RFC 8617 4.1, RFC 4870 3.3: fields that sign the octets below them as they stand. */
const SIGNATURES: ReadonlySet<string> = new Set([
  "dkim-signature",
  "domainkey-signature",
  "arc-message-signature",
  "arc-seal",
]);
const AS_IT_STANDS: ReadonlySet<string> = new Set(["7bit", "8bit", "binary"]);
const FIRST_NON_ASCII = 128;

/** Ends the planning; never leaves this module. */
class Impossible extends Error {}

export function planEdits(top: Entity, survey: Survey): Plan {
  const edits: Edit[] = [];
  try {
    plan(top, survey, edits);
    return { at: "planned", edits };
  } catch (cause) {
    if (cause instanceof Impossible) return { at: "impossible", reason: cause.message };
    throw cause;
  }
}

/** Whether anything in this entity was encoded. */
function plan(entity: Entity, survey: Survey, edits: Edit[]): boolean {
  const header = new EntityHeader(survey.headers.get(entity) ?? Buffer.alloc(0));
  if (header.hasForeign) throw new Impossible("a header has octets beyond ASCII");
  const first = edits.length;
  const count = survey.bodies.get(entity);
  const isEncoded = count ? planLeaf(entity, header, count, edits) : planComposite(entity, header, survey, edits);
  if (isEncoded && header.isSigned) {
    // What was only too long can travel as it is; a signature that does not fit any more cannot be mended.
    if (!hasForeignInside(entity, survey)) {
      edits.length = first;
      return false;
    }
    throw new Impossible("it is signed, and a signature does not outlive the change");
  }
  return isEncoded;
}

function planComposite(entity: Entity, header: EntityHeader, survey: Survey, edits: Edit[]): boolean {
  if (survey.foreignBetween.has(entity)) throw new Impossible("octets beyond ASCII stand outside of its parts");
  const at = edits.length;
  const place = edits.push({ do: "replace", start: 0, end: 0, bytes: Buffer.alloc(0) }) - 1;
  let isEncoded = false;
  for (const child of entity.children) isEncoded = plan(child, survey, edits) || isEncoded;
  if (!isEncoded) {
    edits.length = at;
    return false;
  }
  // RFC 2045 6.4: no other encoding is allowed there
  if (!AS_IT_STANDS.has(header.encoding)) throw new Impossible("a composite part says that it is encoded");
  edits[place] = header.edited(entity, "7bit");
  return true;
}

function planLeaf(entity: Entity, header: EntityHeader, count: OctetCount, edits: Edit[]): boolean {
  if (!count.needsEncoding) return false;
  const obstacle = obstacleOf(header);
  if (obstacle !== null) {
    if (!count.hasForeign) return false;
    throw new Impossible(obstacle);
  }
  const encoding = encodingFor(header, count);
  const { body } = entity.structure;
  edits.push(header.edited(entity, encoding), { do: encoding, start: body.start, end: body.start + body.length });
  return true;
}

function obstacleOf({ encoding, type, subtype }: EntityHeader): string | null {
  if (!AS_IT_STANDS.has(encoding)) return "a part is not encoded as it says";
  // RFC 2046 5.2.2, 5.2.4 and RFC 3462 2: nothing but 7bit is allowed there. Parts that nobody could take apart are among them.
  if (type === "multipart") return "a multipart cannot be taken apart";
  if (type === "message" && !subtype.startsWith("global")) return `message/${subtype} allows nothing beyond ASCII`;
  if (subtype === "pkcs7-mime" || subtype === "x-pkcs7-mime") return "it is signed or encrypted (S/MIME)";
  return null;
}

function encodingFor({ type, encoding }: EntityHeader, { octets, quoted }: OctetCount): "quoted-printable" | "base64" {
  if (type !== "text" || encoding === "binary") return "base64";
  // Readable while it costs no more: three octets for one against four for three and a line end.
  return octets + 2 * quoted <= (octets * 4) / 3 ? "quoted-printable" : "base64";
}

function hasForeignInside(entity: Entity, survey: Survey): boolean {
  if (survey.bodies.get(entity)?.hasForeign) return true;
  return entity.children.some((child) => hasForeignInside(child, survey));
}

class EntityHeader {
  readonly type: string;
  readonly subtype: string;
  /** Lower case; `7bit` if absent. */
  readonly encoding: string;
  readonly #block: Buffer;
  readonly #fields: readonly HeaderField[];

  constructor(block: Buffer) {
    this.#block = block;
    this.#fields = parseHeader(block);
    const type = parseContentType(this.#value("content-type") ?? "");
    this.type = type?.type ?? "text";
    this.subtype = type?.subtype ?? "plain";
    this.encoding = parseToken(this.#value("content-transfer-encoding") ?? "").toLowerCase() || "7bit";
  }

  get hasForeign(): boolean {
    return this.#block.some((octet) => octet >= FIRST_NON_ASCII || octet === 0);
  }

  get isSigned(): boolean {
    // RFC 1847 2.1: what is inside must not change on the way
    if (this.type === "multipart" && this.subtype === "signed") return true;
    return this.#fields.some(({ name }) => SIGNATURES.has(name.toLowerCase()));
  }

  /** The header with this encoding in the place of what it said. */
  edited(entity: Entity, encoding: string): Edit {
    const { start } = entity.structure.header;
    const end = entity.structure.body.start;
    const pieces: Uint8Array[] = [];
    let at = 0;
    for (const field of this.#fields) {
      if (field.name.toLowerCase() !== "content-transfer-encoding") continue;
      pieces.push(this.#block.subarray(at, field.start));
      at = field.end;
    }
    const last = this.#fields.at(-1)?.end ?? 0;
    pieces.push(this.#block.subarray(at, last), Buffer.from(this.#added(entity, encoding)));
    pieces.push(this.#block.subarray(last));
    return { do: "replace", start, end, bytes: Buffer.concat(pieces) };
  }

  #added(entity: Entity, encoding: string): string {
    const field = `Content-Transfer-Encoding: ${encoding}\r\n`;
    // A message is MIME only if it says so (RFC 2045 4).
    if (!entity.isTop || this.#value("mime-version") !== undefined) return field;
    // RFC 1428 3: mail that was sent without a word about its characters
    const type = this.#value("content-type") === undefined ? "Content-Type: text/plain; charset=unknown-8bit\r\n" : "";
    return `MIME-Version: 1.0\r\n${type}${field}`;
  }

  #value(name: string): string | undefined {
    const field = this.#fields.find((one) => one.name.toLowerCase() === name);
    return field && fieldValue(this.#block, field);
  }
}
