/**
 * Durations and sizes as people write them (`5m`, `25MiB`), in one grammar for the server's own keys, for plugins and for commands. Parsing
 * answers `null` for what is no duration or size; it never guesses a unit (`0` alone needs none).
 */

const msPerUnit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const bytesPerUnit = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
} as const;

/** `90s`, `5m`, `1h30m`, `1.5h`, `0` to milliseconds. */
export function parseDuration(text: string): number | null {
  if (text === "0") return 0;
  if (text.length > 64 || !/^(\d+(\.\d+)?(ms|s|m|h|d|w))+$/.test(text)) return null;
  let sum = 0;
  for (const [, amount = "", unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    sum += Number(amount) * (msPerUnit[unit as keyof typeof msPerUnit] ?? Number.NaN);
  }
  const ms = Math.round(sum);
  return Number.isSafeInteger(ms) ? ms : null;
}

/** `25MiB`, `10 MB`, `512B`, `0` to bytes; case does not matter. A bare number counts bytes. */
export function parseSize(text: string): number | null {
  if (text.length > 64) return null;
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]?i?b)?$/i.exec(text);
  const unit = (match?.[2] ?? "b").toLowerCase();
  if (!match || !(unit in bytesPerUnit)) return null;
  const bytes = Math.round(Number(match[1]) * bytesPerUnit[unit as keyof typeof bytesPerUnit]);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Name of the schema keyword that carries the unit; plain data, so that copies of this module are interchangeable. */
export const unitKeyword = "posternUnit";

export interface UnitRule {
  readonly of: "duration" | "size";
  /** In milliseconds or bytes. */
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Milliseconds as an operator would write them. */
export function formatDuration(ms: number): string {
  for (const name of ["w", "d", "h", "m", "s"] as const) {
    if (ms !== 0 && ms % msPerUnit[name] === 0) return `${ms / msPerUnit[name]}${name}`;
  }
  return `${ms}ms`;
}

/** Bytes as an operator would write them. */
export function formatSize(bytes: number): string {
  for (const name of ["TiB", "GiB", "MiB", "KiB"] as const) {
    const factor = bytesPerUnit[name.toLowerCase() as keyof typeof bytesPerUnit];
    if (bytes !== 0 && bytes % factor === 0) return `${bytes / factor}${name}`;
  }
  return `${bytes}B`;
}
