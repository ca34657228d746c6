/** MTA-STS as text (RFC 8461): the record in the DNS that names a policy, the policy itself, and which hosts it knows. Pure. */

export interface StsPolicy {
  /** Of the record that it was fetched for. */
  readonly id: string;
  readonly mode: "enforce" | "testing" | "none";
  /** Patterns, in lower case. */
  readonly mx: readonly string[];
  readonly maxAgeMs: number;
  readonly fetchedAtMs: number;
}

/** RFC 8460 4.3.2.2 */
export interface StsFailure {
  readonly kind: "sts-policy-fetch-error" | "sts-policy-invalid" | "sts-webpki-invalid";
  /** Without control characters. */
  readonly reason: string;
}

// RFC 8461 3.2: about a year
const MAX_AGE_LIMIT_MS = 31_557_600_000;
const MX_LIMIT = 200;

/** RFC 8461 3.1: the id; `null` where there is no record, or not exactly one. */
export function readStsRecord(texts: readonly string[]): string | null {
  const records = texts.filter((text) => /^v=STSv1[ \t]*;/.test(text));
  const [record] = records;
  if (record === undefined || records.length > 1) return null;
  const fields = record.split(";").map((field) => field.trim());
  const ids = fields.flatMap((field) => /^id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})$/.exec(field)?.[1] ?? []);
  return ids[0] ?? null;
}

/** RFC 8461 3.2; a reason where the text is no policy. */
export function readStsPolicy(
  text: string,
): Pick<StsPolicy, "mode" | "mx" | "maxAgeMs"> | { readonly mistake: string } {
  const mistake = (what: string) => ({ mistake: what });
  const fields = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const [, key, value = ""] = /^[ \t]*([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (key === undefined) return mistake("a line is no field");
    if (key === "mx") mx.push(value.toLowerCase().replace(/\.$/, ""));
    // All but the first are ignored.
    else if (!fields.has(key)) fields.set(key, value);
  }
  if (fields.get("version") !== "STSv1") return mistake("its version is not STSv1");
  const mode = fields.get("mode");
  if (mode !== "enforce" && mode !== "testing" && mode !== "none") return mistake("it has no mode that is known");
  const maxAge = fields.get("max_age") ?? "";
  if (!/^\d{1,10}$/.test(maxAge)) return mistake("it has no max_age");
  if (mx.length > MX_LIMIT) return mistake(`it names more than ${MX_LIMIT} hosts`);
  if (!mx.every((pattern) => /^(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/.test(pattern)))
    return mistake("an mx is no host name");
  if (mode !== "none" && mx.length === 0) return mistake("it names no mx");
  return { mode, mx, maxAgeMs: Math.min(Number(maxAge) * 1_000, MAX_AGE_LIMIT_MS) };
}

/** RFC 8461 4.1: `*.` stands for exactly one label. */
export function isStsHost({ mx }: Pick<StsPolicy, "mx">, host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  const below = name.slice(name.indexOf(".") + 1);
  return mx.some((pattern) =>
    pattern.startsWith("*.") ? name.includes(".") && pattern.slice(2) === below : pattern === name,
  );
}

/** As it goes into a report (RFC 8460 4.4): the policy's own lines. */
export const stsLines = ({ mode, mx, maxAgeMs }: StsPolicy): readonly string[] => [
  "version: STSv1",
  `mode: ${mode}`,
  ...mx.map((pattern) => `mx: ${pattern}`),
  `max_age: ${maxAgeMs / 1_000}`,
];
