/** Certificates' files: made absolute, and seen to be readable before anything starts. */
import { access, constants } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Path } from "../../kernel/load/path.ts";
import type { ListenerKeys, ServerKeys } from "./keys.ts";
import type { Placed, Slip } from "./mistake.ts";
import type { TlsFiles } from "./server-config.ts";

export async function readTls(
  tls: ServerKeys["tls"],
  place: { readonly configDir: string; readonly dataDir: string },
): Promise<{ readonly tls: TlsFiles | null; readonly slips: readonly Slip[] }> {
  if (tls === undefined) return { tls: null, slips: [] };
  if (tls === "self-signed") {
    const directory = join(place.dataDir, "tls");
    const pair = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    return { tls: { at: "selfSigned", pairs: [pair] }, slips: [] };
  }
  const pairs = absolutePairs(tls, place.configDir);
  return { tls: { at: "files", pairs }, slips: await unreadable(pairs, ["tls"], Array.isArray(tls)) };
}

/** Listeners' own certificates, and those who vouch for their clients. */
export async function checkListenerFiles(
  listeners: readonly Placed<ListenerKeys>[],
  configDir: string,
): Promise<readonly Slip[]> {
  const slips: Slip[] = [];
  for (const { position, of } of listeners) {
    const path = ["listeners", position];
    const { certificates, clientCa } = of;
    if (certificates !== undefined) {
      const pairs = absolutePairs(certificates, configDir);
      slips.push(...(await unreadable(pairs, [...path, "certificates"], Array.isArray(certificates))));
    }
    if (clientCa === undefined) continue;
    const file = resolve(configDir, clientCa);
    const cause = await faultOf(file);
    if (cause !== null)
      slips.push({ path: [...path, "clientCa"], text: `${file} ${cause}`, expected: "a readable PEM file" });
  }
  return slips;
}

async function unreadable(pairs: TlsFiles["pairs"], path: Path, isList: boolean): Promise<Slip[]> {
  const slips: Slip[] = [];
  for (const [at, files] of pairs.entries())
    for (const key of ["cert", "key"] as const) {
      const cause = await faultOf(files[key]);
      const where = isList ? [...path, at, key] : [...path, key];
      if (cause !== null) slips.push({ path: where, text: `${files[key]} ${cause}`, expected: "a readable PEM file" });
    }
  return slips;
}

async function faultOf(path: string): Promise<string | null> {
  try {
    await access(path, constants.R_OK);
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    return code === "ENOENT" ? "does not exist" : `cannot be read (${String(code)})`;
  }
}

/** One pair, or a list of them. */
export function absolutePairs(
  written: NonNullable<ListenerKeys["certificates"]>,
  configDir: string,
): TlsFiles["pairs"] {
  const [first, ...rest] = (Array.isArray(written) ? written : [written]).map(({ cert, key }) => ({
    cert: resolve(configDir, cert),
    key: resolve(configDir, key),
  }));
  if (!first) throw new Error("an empty list of certificates has passed the schema");
  return [first, ...rest];
}
