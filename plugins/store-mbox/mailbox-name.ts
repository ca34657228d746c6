/**
 * Mailbox names and their files: `Lists/Node` is the file `Lists/Node` below the account's directory, as Dovecot and mutt have it. A mailbox
 * that has children is a directory; its own messages are in a file of a fixed name in it (Dovecot's DIRNAME). A name that cannot be a file,
 * or could lead out of the directory, is a `StoreError` `cannot`.
 */

import { join } from "node:path";
import { decodeModifiedUtf7, encodeModifiedUtf7 } from "postern/mail";
import { StoreError } from "postern/plugin";

/** Of the messages of a mailbox that has children. */
export const MESSAGES = "mBoX-MeSsAgEs";
/** A file name holds 255 octets; some are left for suffixes. */
const MAX_STEP_OCTETS = 230;
const MAX_OCTETS = 900;
const MAX_LEVELS = 32;
/** `NAME.lock`; behind that, process and number of a file that is to become one, or has been one. */
const LOCK = /\.lock(?:\.\d+\.\d+)?$/;

export const controlRoot = (root: string): string => join(root, ".postern");

/** Which mailboxes were given which special uses. */
export const specialUsesOf = (root: string): string => join(controlRoot(root), "special-use");

const cannot = (text: string): StoreError => new StoreError("cannot", text);

/** RFC 3501 5.1: INBOX in any case is the inbox; so it is as the first step of a longer name. */
export function canonicalName(name: string): string {
  const steps = name.split("/");
  if (steps[0] !== undefined && /^inbox$/i.test(steps[0])) steps[0] = "INBOX";
  if (steps.length > MAX_LEVELS) throw cannot("The mailbox name has too many levels");
  for (const step of steps) {
    if (step === "") throw cannot("A mailbox name has no empty parts");
    if (/\p{Cc}|\p{Cs}|\p{Cn}|[\u2028\u2029]/u.test(step)) throw cannot("A mailbox name has only printable characters");
    // Dots at the beginning hide a file, and locks are none: no program takes such files for mailboxes.
    if (step.trim() === "" || /^[.~]/.test(step) || LOCK.test(step)) throw cannot("A mailbox cannot have this name");
    const file = encodeModifiedUtf7(step);
    if (file === MESSAGES) throw cannot("A mailbox cannot have this name");
    if (Buffer.byteLength(file) > MAX_STEP_OCTETS) throw cannot("The mailbox name is too long");
  }
  if (Buffer.byteLength(fileOf(steps.join("/"))) > MAX_OCTETS) throw cannot("The mailbox name is too long");
  return steps.join("/");
}

/** Of a canonical name, relative to the account's directory. */
export const fileOf = (name: string): string => name.split("/").map(encodeModifiedUtf7).join("/");

/** One step of a name; `null` if the file is none of ours. */
export function stepOf(file: string): string | null {
  const step = decodeModifiedUtf7(file);
  if (step === null || step.includes("/")) return null;
  try {
    return canonicalName(`x/${step}`) === `x/${step}` ? step : null;
  } catch (cause) {
    if (cause instanceof StoreError) return null;
    throw cause;
  }
}
