/** What a host offers in its answer to EHLO or LHLO (RFC 5321 4.1.1.1). What cannot be read counts as not offered. */

export interface Features {
  /** The host took EHLO or LHLO. */
  readonly isExtended: boolean;
  has(keyword: string): boolean;
  /** RFC 1870 4; `null`: nothing, or no fixed limit, was announced. */
  readonly sizeLimitBytes: number | null;
  /** SASL mechanisms in upper case. */
  readonly mechanisms: readonly string[];
  /** Attributes that XFORWARD takes, in upper case. */
  readonly xforward: ReadonlySet<string>;
  /** RFC 9422 4; infinite where there is none. */
  readonly limits: { readonly mails: number; readonly recipients: number; readonly recipientDomains: number };
}

/** `lines`: of the whole reply; the first one is a greeting (RFC 5321 4.1.1.1). `null`: the host only took HELO. */
export function readFeatures(lines: readonly string[] | null): Features {
  const offered = new Map<string, string>();
  for (const line of lines?.slice(1) ?? []) {
    const [, keyword = "", parameters = ""] = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:[ =](.*))?$/.exec(line.trim()) ?? [];
    const name = keyword.toUpperCase();
    // Lenient: some say the mechanisms twice, as `AUTH X Y` and as `AUTH=X Y`.
    if (name !== "") offered.set(name, [offered.get(name), parameters].filter(Boolean).join(" "));
  }
  const words = (keyword: string): readonly string[] => {
    const parameters = offered.get(keyword)?.toUpperCase().trim();
    return parameters ? [...new Set(parameters.split(/\s+/))] : [];
  };
  const size = /^\d{1,15}$/.exec(words("SIZE")[0] ?? "");
  const limits = new Map(
    words("LIMITS").map((word): readonly [string, string] => {
      const [name = "", value = ""] = word.split("=", 2);
      return [name, value];
    }),
  );
  const limit = (name: string): number => {
    const value = /^[1-9]\d{0,8}$/.exec(limits.get(name) ?? "");
    return value === null ? Number.POSITIVE_INFINITY : Number(value[0]);
  };
  return {
    isExtended: lines !== null,
    has: (keyword) => offered.has(keyword),
    sizeLimitBytes: size === null || Number(size[0]) === 0 ? null : Number(size[0]),
    mechanisms: words("AUTH"),
    xforward: new Set(words("XFORWARD")),
    limits: { mails: limit("MAILMAX"), recipients: limit("RCPTMAX"), recipientDomains: limit("RCPTDOMAINMAX") },
  };
}
