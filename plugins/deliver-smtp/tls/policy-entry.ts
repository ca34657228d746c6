/**
 * One entry of the administrator's table: a level and attributes, in our words or in those of Postfix's smtp_tls_policy_maps. Whatever is not
 * understood is a mistake, never something weaker. Pure.
 */
import type { TlsaRecord, TlsRequirement } from "postern/plugin";
import type { PolicyLevel } from "./decision.ts";

export interface PolicyEntry {
  readonly level: PolicyLevel;
  /** Patterns of names, and what stands for the names at hand. Left out: the host's name. */
  readonly match?: readonly NameMatch[];
  /** Digests of certificates or their keys, as if they were TLSA records. */
  readonly pinned?: readonly TlsaRecord[];
  readonly minVersion?: NonNullable<TlsRequirement["minVersion"]>;
  readonly ciphers?: string;
}

export type NameMatch =
  | { readonly at: "host" }
  | { readonly at: "nextHop" }
  | { readonly at: "belowNextHop" }
  | { readonly at: "name"; readonly name: string };

export type ReadEntry =
  | { readonly ok: true; readonly entry: PolicyEntry }
  | { readonly ok: false; readonly mistake: string };

interface Level {
  readonly level: PolicyLevel;
  readonly match?: readonly NameMatch[];
  readonly isPinned?: true;
}

const levels = new Map<string, Level>([
  ["none", { level: "none" }],
  ["opportunistic", { level: "opportunistic" }],
  ["required", { level: "required" }],
  ["verified", { level: "verified" }],
  ["implicit", { level: "implicit" }],
  ["auto", { level: "auto" }],
  ["dane", { level: "dane" }],
  ["dane-only", { level: "dane-only" }],
  ["fingerprint", { level: "verified", isPinned: true }],
  // Postfix's
  ["may", { level: "opportunistic" }],
  ["encrypt", { level: "required" }],
  ["verify", { level: "verified" }],
  ["secure", { level: "verified", match: [{ at: "nextHop" }, { at: "belowNextHop" }] }],
]);

const versions = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
const DIGESTS = new Map([
  [64, 1],
  [128, 2],
]);

const mistake = (text: string): ReadEntry => ({ ok: false, mistake: text });

export function readPolicyEntry(text: string): ReadEntry {
  const [word = "", ...attributes] = text.split(/[\s,]+/).filter((part) => part !== "");
  const level = levels.get(word.toLowerCase());
  if (level === undefined)
    return mistake(`${JSON.stringify(word)} is no level; expected one of ${[...levels.keys()].join(", ")}`);
  const match: NameMatch[] = [];
  const pinned: TlsaRecord[] = [];
  let minVersion: PolicyEntry["minVersion"];
  let ciphers: string | undefined;
  for (const attribute of attributes) {
    const [, name = "", value = ""] = /^([A-Za-z_]+)=(.+)$/.exec(attribute) ?? [];
    const isFingerprint = name === "fingerprint" || (name === "match" && level.isPinned === true);
    if (isFingerprint) {
      for (const raw of value.split("|")) {
        const records = pins(raw);
        if (records === null)
          return mistake(`${JSON.stringify(raw)} is no fingerprint; expected SHA-256 or SHA-512 in hexadecimal`);
        pinned.push(...records);
      }
    } else if (name === "match") {
      for (const raw of value.split(/[:|]/)) {
        const one = nameMatch(raw);
        if (one === null) return mistake(`${JSON.stringify(raw)} is no name to match`);
        match.push(one);
      }
    } else if (name === "minVersion" || name === "protocols") {
      const wanted = versions.find((version) => `${version}` === value.replace(/^>=/, ""));
      if (wanted === undefined || (name === "protocols" && !value.startsWith(">=")))
        return mistake(`${JSON.stringify(attribute)} names no version; expected like minVersion=TLSv1.3`);
      minVersion = wanted;
    } else if (name === "ciphers") ciphers = cipherGrades.get(value) ?? value;
    else
      return mistake(
        `${JSON.stringify(attribute)} is no attribute; expected match=, fingerprint=, minVersion=, ciphers=`,
      );
  }
  const isVerified = level.level === "verified" || level.level === "implicit";
  if (match.length > 0 && !isVerified) return mistake(`match= is for certificates that are verified, not for ${word}`);
  if (pinned.length > 0 && !isVerified)
    return mistake(`fingerprint= is for certificates that are verified, not for ${word}`);
  if (level.isPinned && pinned.length === 0) return mistake("fingerprint needs match= or fingerprint=");
  if (match.length > 0 && pinned.length > 0) return mistake("match= and fingerprint= do not go together");
  const names = match.length > 0 ? match : level.match;
  return {
    ok: true,
    entry: {
      level: level.level,
      ...(names !== undefined && { match: names }),
      ...(pinned.length > 0 && { pinned }),
      ...(minVersion !== undefined && { minVersion }),
      ...(ciphers !== undefined && { ciphers }),
    },
  };
}

// What Postfix calls by a grade.
const cipherGrades = new Map([
  ["high", "HIGH:!aNULL"],
  ["medium", "HIGH:MEDIUM:!aNULL"],
]);

function nameMatch(raw: string): NameMatch | null {
  if (raw === "hostname") return { at: "host" };
  if (raw === "nexthop") return { at: "nextHop" };
  if (raw === "dot-nexthop") return { at: "belowNextHop" };
  const name = raw.toLowerCase();
  return /^(?:\*?\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name) ? { at: "name", name } : null;
}

/** A fingerprint is a DANE-EE record that the administrator wrote: of the certificate, or of its key. */
function pins(raw: string): readonly TlsaRecord[] | null {
  const hex = raw.replace(/^sha(?:256|512)[:=]/i, "").replaceAll(":", "");
  const matchingType = /^[0-9a-fA-F]+$/.test(hex) ? DIGESTS.get(hex.length) : undefined;
  if (matchingType === undefined) return null;
  const data = new Uint8Array(Buffer.from(hex, "hex"));
  return [0, 1].map((selector) => ({ usage: 3, selector, matchingType, data }));
}
