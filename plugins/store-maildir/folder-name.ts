/**
 * Mailbox names and their directories in Maildir++: INBOX is the Maildir itself, `Lists/Node` is `.Lists.Node` in it.
 * A name that cannot be a directory, or could lead out of the mailbox, is a `StoreError` `cannot`.
 */
import { StoreError } from "postern/plugin";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "./modified-utf7.ts";

/** A directory name holds 255 octets; some are left for suffixes of temporary names. */
const MAX_DIRECTORY_OCTETS = 240;

const cannot = (text: string): StoreError => new StoreError("cannot", text);

/** RFC 3501 5.1: INBOX in any case is the inbox; so it is as the first step of a longer name. */
export function canonicalName(name: string): string {
  const steps = name.split("/");
  if (steps[0] !== undefined && /^inbox$/i.test(steps[0])) steps[0] = "INBOX";
  for (const step of steps) {
    if (step === "") throw cannot("A mailbox name has no empty parts");
    // The dot separates levels on disk; with it `..` is refused too.
    if (step.includes(".")) throw cannot("A mailbox name has no dots");
    if (/\p{Cc}|\p{Cs}|\p{Cn}|[\u2028\u2029]/u.test(step)) throw cannot("A mailbox name has only printable characters");
    if (step.trim() === "" || step.startsWith("~")) throw cannot("A mailbox cannot have this name");
  }
  return steps.join("/");
}

/** Directory of a canonical name, relative to the Maildir; empty for INBOX. */
export function directoryOf(name: string): string {
  if (name === "INBOX") return "";
  const directory = `.${name.split("/").map(encodeModifiedUtf7).join(".")}`;
  if (Buffer.byteLength(directory) > MAX_DIRECTORY_OCTETS) throw cannot("The mailbox name is too long");
  return directory;
}

/** The name of a directory in the Maildir; `null` if it is none of ours. */
export function nameOf(directory: string): string | null {
  if (!directory.startsWith(".") || directory.length < 2) return null;
  const steps: string[] = [];
  for (const part of directory.slice(1).split(".")) {
    const step = decodeModifiedUtf7(part);
    if (step === null || step === "" || step.includes("/")) return null;
    steps.push(step);
  }
  const name = steps.join("/");
  try {
    return name !== "INBOX" && canonicalName(name) === name ? name : null;
  } catch (cause) {
    if (cause instanceof StoreError) return null;
    throw cause;
  }
}

/** `A/B/C` -> `["A", "A/B"]`. */
export function parentsOf(name: string): readonly string[] {
  const steps = name.split("/");
  return steps.slice(1).map((_, index) => steps.slice(0, index + 1).join("/"));
}
