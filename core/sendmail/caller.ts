/** Who calls: the user's name makes the sender where none is given, the name in the system's list of users the author's. */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { exitCodes } from "../kernel/exit-codes.ts";
import { SendmailError } from "./sendmail-error.ts";

/** The user's name as a local part. Throws a `SendmailError` (67) for a user without one. */
export function callerName(): string {
  try {
    return localPartOf(userInfo().username);
  } catch (cause) {
    throw new SendmailError(
      `user ${process.getuid?.()} has no name on this system: give the sender with -f`,
      exitCodes.noUser,
      { cause },
    );
  }
}

const localPartOf = (name: string): string =>
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(name)
    ? name
    : `"${name.replace(/["\\]/g, "\\$&")}"`;

/** `null` where the system does not say, or its users are kept elsewhere. */
export function callerFullName(passwdFile = "/etc/passwd"): string | null {
  try {
    const { uid } = userInfo();
    const line = readFileSync(passwdFile, "utf8")
      .split("\n")
      .find((text) => text.split(":")[2] === String(uid));
    const [login = "", , , , gecos = ""] = line?.split(":") ?? [];
    // The first of the fields; "&" stands for the login with a capital letter.
    const name = (gecos.split(",")[0] ?? "").replaceAll("&", login.charAt(0).toUpperCase() + login.slice(1)).trim();
    return name === "" ? null : name;
  } catch {
    // Nobody's mail waits for a name.
    return null;
  }
}

const ATOMS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const ENCODED_BYTES = 45;

/** The value of a From field (RFC 5322 3.4), encoded where the name has letters beyond ASCII (RFC 2047). */
export function fromField(fullName: string | null, sender: string): string {
  const name = (fullName ?? "").replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  if (name === "") return sender;
  if (ATOMS.test(name)) return `${name} <${sender}>`;
  if (/^[ -~]*$/.test(name)) return `"${name.replace(/["\\]/g, "\\$&")}" <${sender}>`;
  return `${encodedWords(name)} <${sender}>`;
}

/** RFC 2047 2: at most 75 characters each, and no letter in two of them. */
function encodedWords(text: string): string {
  const words: string[] = [];
  let word = "";
  for (const char of text) {
    if (Buffer.byteLength(word + char) > ENCODED_BYTES) {
      words.push(word);
      word = "";
    }
    word += char;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString("base64")}?=`).join(" ");
}
