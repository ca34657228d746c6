/**
 * Where an account's mail lives. Names out of addresses are encoded so that each of them is one harmless path segment: no
 * address leads out of the place that the template names, and no two addresses share one.
 */
import { isAbsolute, resolve } from "node:path";
import type { Address } from "postern/mail";
import { loginKey } from "./content.ts";

export interface HomePlace {
  readonly dataDir: string;
  /** What a relative home is relative to. */
  readonly configDir: string;
}

const WORDS = ["dataDir", "user", "domain"];

/** What is wrong with the template; `null`: nothing. */
export function templateFault(template: string): string | null {
  const unknown = [...template.matchAll(/\{([^{}]*)\}/g)].find(([, word = ""]) => !WORDS.includes(word));
  if (unknown) return `home has ${unknown[0]}; there are ${WORDS.map((word) => `{${word}}`).join(", ")}`;
  return template.includes("{user}") ? null : "home has no {user}: all accounts would share one home";
}

export function homeOf(template: string, address: Address, place: HomePlace): string {
  const words: Readonly<Record<string, string>> = {
    dataDir: place.dataDir,
    user: segment(loginKey(address.localPart)),
    domain: segment(address.domain),
  };
  const path = template.replace(/\{([^{}]*)\}/g, (written, word: string) => words[word] ?? written);
  return isAbsolute(path) ? resolve(path) : resolve(place.configDir, path);
}

/** Letters, digits and a few marks stand for themselves; the rest, and a dot at the beginning, is percent-encoded UTF-8. */
export function segment(name: string): string {
  const encoded = [...Buffer.from(name)]
    .map((octet) => {
      const char = String.fromCharCode(octet);
      return /[A-Za-z0-9_+=.@-]/.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
  return encoded.startsWith(".") ? `%2E${encoded.slice(1)}` : encoded;
}
