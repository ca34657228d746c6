/**
 * Mailbox names and how they stand on disk, as Dovecot has it. Maildir++: `Lists/Node` is the directory `.Lists.Node` in the Maildir.
 * `fs`: it is `Lists/Node`. INBOX is the Maildir itself in both. Names are in modified UTF-7 or in UTF-8, and both are read. What a
 * directory cannot be called is written with the escape character (Dovecot's plugin listescape), where there is one. A name that cannot
 * be a directory, or could lead out of the mailbox, is a `StoreError` `cannot`.
 */
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "postern/mail";
import { StoreError } from "postern/plugin";

export type LayoutKind = "maildir++" | "fs";
type NameEncoding = "utf-7" | "utf-8";

export interface Layout {
  readonly kind: LayoutKind;
  /** Of names that are made here. */
  readonly encoding: NameEncoding;
  /** The escape character; empty: there is none. */
  readonly mark: string;
}

export const DEFAULT_LAYOUT: Layout = { kind: "maildir++", encoding: "utf-7", mark: "" };

/** A directory name holds 255 octets; some are left for suffixes of temporary names. */
const MAX_DIRECTORY_OCTETS = 240;
const MAX_PATH_OCTETS = 3_000;
/** Deeper mailboxes are neither made nor looked for. */
export const MAX_DEPTH = 50;
/** What stands beside the mailboxes in the layout `fs`. */
const RESERVED = /^(?:cur|new|tmp|subscriptions|maildirsize|maildirfolder|dovecot[-.].*|postern-.*|courier.*)$/;

const cannot = (text: string): StoreError => new StoreError("cannot", text);

/** Most names are of these only, and the tables of Unicode are slow to ask. */
const PRINTABLE_ASCII = /^[ -~]+$/;

/** RFC 3501 5.1: INBOX in any case is the inbox; so it is as the first step of a longer name. */
export function canonicalName(name: string, layout: Layout): string {
  const steps = name.split("/");
  if (steps[0] !== undefined && /^inbox$/i.test(steps[0])) steps[0] = "INBOX";
  for (const step of steps) {
    if (step === "") throw cannot("A mailbox name has no empty parts");
    if (step === "." || step === "..") throw cannot("A mailbox cannot have this name");
    // The dot separates levels on disk.
    if (step.includes(".") && !mayHaveDots(layout)) throw cannot("A mailbox name has no dots");
    if (!PRINTABLE_ASCII.test(step) && /\p{Cc}|\p{Cs}|\p{Cn}|[\u2028\u2029\ufffd]/u.test(step)) {
      throw cannot("A mailbox name has only printable characters");
    }
    if (step.trim() === "") throw cannot("A mailbox cannot have this name");
    if (step.startsWith("~") && layout.mark === "") throw cannot("A mailbox cannot have this name");
    if (layout.kind === "fs" && RESERVED.test(step)) throw cannot("A mailbox cannot have this name");
  }
  return steps.join("/");
}

const mayHaveDots = ({ kind, mark }: Layout): boolean => kind === "fs" || mark !== "";

/** Two hexadecimal digits behind the mark. */
const escaped = (character: string, mark: string): string =>
  mark + character.charCodeAt(0).toString(16).padStart(2, "0");

function withEscapes(step: string, { kind, mark }: Layout): string {
  if (mark === "") return step;
  let text = "";
  for (const [at, character] of [...step].entries()) {
    // A slash inside a step stays as it is written on disk: names have no other way to say it.
    const isSlash = character === mark && step.startsWith(`${mark}2f`, at);
    const isUnfit = (character === mark && !isSlash) || (character === "~" && at === 0);
    text += isUnfit || (kind === "maildir++" && character === ".") ? escaped(character, mark) : character;
  }
  return text;
}

function withoutEscapes(step: string, { mark }: Layout): string {
  if (mark === "") return step;
  let text = "";
  for (let at = 0; at < step.length; at++) {
    const code = step[at] === mark ? /^[0-9a-f]{2}/i.exec(step.slice(at + 1, at + 3))?.[0] : undefined;
    const character = code === undefined ? "" : String.fromCharCode(Number.parseInt(code, 16));
    if (character === "" || character === "/" || character === "\0") text += step[at];
    else {
      text += character;
      at += 2;
    }
  }
  return text;
}

const encoded = (step: string, encoding: NameEncoding): string =>
  encoding === "utf-7" ? encodeModifiedUtf7(step) : step;

/** Steps that are the same in both encodings. */
const isPlain = (step: string): boolean => /^[\x20-\x25\x27-\x7e]*$/.test(step);

/** A step of a name from what stands on disk. */
export function decodedStep(text: string, layout: Layout): string {
  return withoutEscapes(decodedText(text, layout.encoding), layout);
}

function decodedText(text: string, encoding: NameEncoding): string {
  if (isPlain(text)) return text;
  const decoded = decodeModifiedUtf7(text);
  if (decoded === null) return text;
  // In UTF-8 an ampersand is one; what can only be modified UTF-7 was written by somebody with the other setting.
  return encoding === "utf-7" || !isPlain(decoded.replaceAll("&", "")) ? decoded : text;
}

/** How a step may stand on disk, the way it is made here first. */
function spellingsOf(step: string, layout: Layout): readonly string[] {
  const text = withEscapes(step, layout);
  const other = layout.encoding === "utf-7" ? "utf-8" : "utf-7";
  const spellings = [encoded(text, layout.encoding), encoded(text, other)];
  return [...new Set(spellings)].filter((spelling) => decodedStep(spelling, layout) === step);
}

/** The directory of a canonical name as it is made here, relative to the Maildir; empty for INBOX. */
export function directoryOf(name: string, layout: Layout): string {
  return name === "INBOX"
    ? ""
    : joined(
        name.split("/").map((step) => spellingOf(step, layout)),
        layout,
      );
}

/** A step as it is made here. */
export function spellingOf(step: string, layout: Layout): string {
  const [first] = spellingsOf(step, layout);
  if (first === undefined || first !== encoded(withEscapes(step, layout), layout.encoding)) {
    throw cannot("A mailbox cannot have this name");
  }
  return first;
}

/** Steps as they stand on disk. */
function joined(steps: readonly string[], { kind }: Layout): string {
  const directory = kind === "fs" ? steps.join("/") : `.${steps.join(".")}`;
  const parts = kind === "fs" ? steps : [directory];
  if (parts.some((part) => Buffer.byteLength(part) > MAX_DIRECTORY_OCTETS))
    throw cannot("The mailbox name is too long");
  if (kind === "fs" && steps.length > MAX_DEPTH) throw cannot("The mailbox name has too many parts");
  if (Buffer.byteLength(directory) > MAX_PATH_OCTETS) throw cannot("The mailbox name is too long");
  return directory;
}

/** Directories that a canonical name may have beside the usual one: all steps in the other encoding. */
export function otherDirectoryOf(name: string, layout: Layout): string | null {
  const steps = name.split("/");
  if (steps.every(isPlain)) return null;
  const spellings = steps.map((step) => spellingsOf(step, layout));
  if (spellings.every(({ length }) => length < 2)) return null;
  return joined(
    spellings.map((all) => all.at(-1) ?? ""),
    layout,
  );
}

/** The name of a directory (relative to the Maildir); `null` if it is none of ours. */
export function nameOf(directory: string, layout: Layout): string | null {
  const isFs = layout.kind === "fs";
  if (!isFs && (!directory.startsWith(".") || directory.length < 2)) return null;
  const parts = isFs ? directory.split("/") : directory.slice(1).split(".");
  const steps = parts.map((part) => decodedStep(part, layout));
  if (steps.some((step) => step === "" || step.includes("/"))) return null;
  const name = steps.join("/");
  try {
    return name !== "INBOX" && canonicalName(name, layout) === name ? name : null;
  } catch (cause) {
    if (cause instanceof StoreError) return null;
    throw cause;
  }
}
