/**
 * One entry of a list of lists, as postscreen_dnsbl_sites writes it: `zone`, `zone=127.0.0.[2..11]`, `zone*3`, `zone=127.0.0.2*-1`.
 * Pure. What is no entry is answered with what is wrong with it.
 */
import { parseDomain } from "postern/mail";

export interface Site {
  readonly zone: string;
  /** Whether this answer of the list counts. */
  matches(code: string): boolean;
  /** Below zero for lists of friends. */
  readonly weight: number;
}

const ENTRY = /^([^=*\s]+)(?:=([^*\s]+))?(?:\*([+-]?\d{1,6}))?$/;

export function parseSite(raw: string): Site | string {
  const entry = ENTRY.exec(raw.trim());
  const zone = parseDomain((entry?.[1] ?? "").replace(/\.$/, ""));
  if (!entry || zone === null || zone.startsWith("[") || !zone.includes("."))
    return `"${raw}" is no list: write zone, zone=127.0.0.2, zone=127.0.0.[2..11]*3`;
  const matches = entry[2] === undefined ? () => true : parseFilter(entry[2]);
  if (matches === null)
    return `"${raw}" has no filter behind "=": write 127.0.0.2, or with ranges in brackets 127.0.[0..255].[2;4..9]`;
  const weight = entry[3] === undefined ? 1 : Number(entry[3]);
  return weight === 0 ? `"${raw}" weighs nothing` : { zone, matches, weight };
}

type Octet = (value: number) => boolean;

function parseFilter(raw: string): ((code: string) => boolean) | null {
  // A dot within brackets is part of a range.
  const parts = raw.match(/\[[^\]]*\]|\d+/g);
  if (parts?.length !== 4 || parts.join(".") !== raw) return null;
  const octets = parts.map((part) => (part.startsWith("[") ? parseChoice(part.slice(1, -1)) : parseRange(part)));
  if (!octets.every((octet) => octet !== null)) return null;
  return (code) => {
    const values = code.split(".").map(Number);
    return values.length === 4 && octets.every((octet, at) => octet(values[at] ?? -1));
  };
}

function parseChoice(raw: string): Octet | null {
  const ranges = raw.split(";").map(parseRange);
  return ranges.every((range) => range !== null) ? (value) => ranges.some((range) => range(value)) : null;
}

function parseRange(raw: string): Octet | null {
  const ends = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(raw);
  if (!ends) return null;
  const from = Number(ends[1]);
  const to = Number(ends[2] ?? ends[1]);
  return from <= to && to <= 255 ? (value) => value >= from && value <= to : null;
}
