/**
 * A self-signed certificate for a server that was given none: made once, kept with mode 0600. Safe when several processes
 * start at once: the first key stands, and every certificate made fits it. Throws the file system's error when the
 * directory cannot be written.
 */
import { createPublicKey, generateKeyPair, randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, stat, unlink } from "node:fs/promises";
import { hostname as machineName } from "node:os";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { CertificateFiles } from "./certificate-pair.ts";

const VALID_YEARS = 10;

export interface SelfSignedFacts {
  /** The server's configured name; it, `localhost`, the machine's name and the loopback addresses are in the certificate. */
  readonly hostname: string;
  readonly now?: Date;
}

/** Makes the pair where it is missing. Whether a certificate was made. */
export async function ensureSelfSigned(files: CertificateFiles, facts: SelfSignedFacts): Promise<boolean> {
  await mkdir(dirname(files.key), { recursive: true, mode: 0o700 });
  await mkdir(dirname(files.cert), { recursive: true, mode: 0o700 });
  if (!(await exists(files.key))) await createOnce(files.key, await newKey());
  else if (await exists(files.cert)) return false;
  await replace(files.cert, await certify(await readFile(files.key, "utf8"), facts));
  return true;
}

async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

async function certify(privateKey: string, facts: SelfSignedFacts): Promise<string> {
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  const notBefore = facts.now ?? new Date();
  const notAfter = new Date(notBefore);
  notAfter.setFullYear(notAfter.getFullYear() + VALID_YEARS);
  const names = new Set([facts.hostname, "localhost", machineName()].map((name) => name.toLowerCase()).filter(isName));
  // Loaded here: only a first start makes a certificate.
  const { generate } = await import("selfsigned");
  const { cert } = await generate([{ name: "commonName", value: facts.hostname.slice(0, 64) }], {
    keyPair: { privateKey, publicKey },
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate: notBefore,
    notAfterDate: notAfter,
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          ...[...names].map((value) => ({ type: 2 as const, value })),
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  return cert;
}

/** What may stand in a certificate as a DNS name. */
const isName = (name: string): boolean => /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name) && name.length <= 253;

/** Writes the file unless another process was faster; then that one's content stands. */
async function createOnce(path: string, content: string): Promise<void> {
  const draft = await writeDraft(path, content);
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await unlink(draft);
  }
}

async function replace(path: string, content: string): Promise<void> {
  await rename(await writeDraft(path, content), path);
}

async function writeDraft(path: string, content: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).size > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
