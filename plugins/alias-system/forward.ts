/**
 * `.forward` in an account's home: where its owner wants mail to go. It has to belong to the account (the owner of the home), to root or to
 * this server's user. `.forward+ext` comes first for mail to an extension, as in Postfix.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { splitExtension } from "postern/mail";
import type { Account, Address } from "postern/plugin";
import { parseListFile, type Targets } from "./list-file.ts";
import { readTrusted } from "./trusted-file.ts";

export interface ForwardOptions {
  readonly file: string;
  readonly maxSize: number;
  readonly recipientDelimiter: string;
}

export type Forward =
  | { readonly at: "none" }
  /** `uid`: whose file it is; `homeUid`: whose home. */
  | { readonly at: "found"; readonly list: Targets; readonly uid: number; readonly homeUid: number };

const SAFE_EXTENSION = /^[+\-._A-Za-z0-9]{1,64}$/;

export async function forwardOf(address: Address, { home }: Account, options: ForwardOptions): Promise<Forward> {
  const { extension } = splitExtension(address.localPart, options.recipientDelimiter);
  const names = SAFE_EXTENSION.test(extension) ? [`${options.file}${extension}`, options.file] : [options.file];
  const homeUid = await ownerOf(home);
  if (homeUid === null) return { at: "none" };
  const owners = [0, homeUid, process.getuid?.() ?? homeUid];
  for (const name of names) {
    const path = join(home, name);
    const file = await readTrusted(path, { maxBytes: options.maxSize, within: home, owners });
    if (file.at === "missing") continue;
    if (file.at === "fault")
      return { at: "found", list: { targets: [], mistakes: [file.reason] }, uid: homeUid, homeUid };
    return { at: "found", list: parseListFile(path, file.text), uid: file.uid, homeUid };
  }
  return { at: "none" };
}

/**
 * Whom commands of a `.forward` run as: this server as it is, another user, or nobody. Whoever can write one, or put a file there under its name
 * (his mail may be this server's file), must not become anybody else by it.
 */
export function whoRuns(
  { uid, homeUid }: { readonly uid: number; readonly homeUid: number },
  ownUid: number | undefined,
): "server" | "nobody" | { readonly uid: number } {
  if (uid === 0 || (uid !== homeUid && homeUid !== 0)) return "nobody";
  if (uid === ownUid) return "server";
  return ownUid === 0 ? { uid } : "nobody";
}

/** `null`: there is no home. */
async function ownerOf(home: string): Promise<number | null> {
  try {
    return (await stat(home)).uid;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) return null;
    throw cause;
  }
}
