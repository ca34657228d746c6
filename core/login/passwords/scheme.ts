/**
 * Stored passwords as Dovecot writes them: `{SCHEME}data`, `{SCHEME.HEX}data`, or a crypt(3) string that says by its prefix
 * what it is. A bare word is never taken for a password in clear.
 */

export interface StoredSecret {
  /** Upper case, without the encoding. */
  readonly scheme: string;
  readonly encoding: "hex" | "base64" | null;
  readonly data: string;
}

/** The secret cannot be used: its scheme is unknown, or it is not written as that scheme asks. Never quotes the secret. */
export class SecretError extends Error {
  readonly code = "SECRET_UNUSABLE";
}

export interface PasswordScheme {
  readonly names: readonly string[];
  /** Expensive on purpose: checked in the hash pool, not on the thread that serves clients. */
  readonly isSlow: boolean;
  /** Throws `SecretError` when the stored data is not what the scheme writes. */
  verify(password: string, secret: StoredSecret): boolean;
  /** What makes two secrets of this scheme equally expensive to check. */
  cost(secret: StoredSecret): string;
}

/** The data of schemes that write text; behind `.b64` or `.hex` it is encoded once more. */
export const textOf = ({ data, encoding }: StoredSecret): string =>
  encoding === null ? data : Buffer.from(data, encoding).toString();

const ENCODINGS = { HEX: "hex", B64: "base64", BASE64: "base64" } as const;

export function parseSecret(raw: string): StoredSecret | null {
  const match = /^\{([A-Za-z0-9-]+)(?:\.([A-Za-z0-9]+))?\}(.*)$/s.exec(raw);
  if (match) {
    const [, name = "", suffix, data = ""] = match;
    const encoding = suffix === undefined ? null : ENCODINGS[suffix.toUpperCase() as keyof typeof ENCODINGS];
    if (encoding === undefined) return null;
    const scheme = name.toUpperCase();
    return scheme === "CRYPT" ? parseCrypt(data) : { scheme, encoding, data };
  }
  return parseCrypt(raw);
}

function parseCrypt(data: string): StoredSecret | null {
  const scheme = CRYPT_PREFIXES.find(([prefix]) => data.startsWith(prefix))?.[1];
  return scheme === undefined ? null : { scheme, encoding: null, data };
}

const CRYPT_PREFIXES = [
  ["$argon2id$", "ARGON2ID"],
  ["$argon2i$", "ARGON2I"],
  ["$2a$", "BLF-CRYPT"],
  ["$2b$", "BLF-CRYPT"],
  ["$2y$", "BLF-CRYPT"],
  ["$5$", "SHA256-CRYPT"],
  ["$6$", "SHA512-CRYPT"],
] as const;
