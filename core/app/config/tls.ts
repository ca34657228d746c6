/** The certificate's files: made absolute, and seen to be readable before anything starts. */
import { access, constants } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ServerKeys } from "./keys.ts";
import type { Slip } from "./mistake.ts";
import type { TlsFiles } from "./server-config.ts";

export async function readTls(
  tls: ServerKeys["tls"],
  place: { readonly configDir: string; readonly dataDir: string },
): Promise<{ readonly tls: TlsFiles | null; readonly slips: readonly Slip[] }> {
  if (tls === undefined) return { tls: null, slips: [] };
  if (tls === "self-signed") {
    const directory = join(place.dataDir, "tls");
    return { tls: { at: "selfSigned", cert: join(directory, "cert.pem"), key: join(directory, "key.pem") }, slips: [] };
  }
  const slips: Slip[] = [];
  const files = { cert: resolve(place.configDir, tls.cert), key: resolve(place.configDir, tls.key) };
  for (const key of ["cert", "key"] as const) {
    const cause = await readable(files[key]);
    if (cause !== null)
      slips.push({ path: ["tls", key], text: `${files[key]} ${cause}`, expected: "a readable PEM file" });
  }
  return { tls: { at: "files", ...files }, slips };
}

async function readable(path: string): Promise<string | null> {
  try {
    await access(path, constants.R_OK);
    return null;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    return code === "ENOENT" ? "does not exist" : `cannot be read (${String(code)})`;
  }
}
