/**
 * The sentences of a report, as data, so that an administrator can translate them. In braces stands what differs from report to
 * report. Pure.
 */

/** `double`: to the postmaster, about a message that has no sender to be told. */
export const reportKinds = ["failed", "delayed", "succeeded", "double"] as const;
export type ReportKind = (typeof reportKinds)[number];

export interface Reason {
  readonly reason: string;
  readonly advice: string;
}

export interface ReportTexts {
  /** RFC 5646: `en`, `de-CH`. */
  readonly language: string;
  /** Display name in `From:`. */
  readonly from: string;
  readonly subjects: Readonly<Record<ReportKind, string>>;
  /** `{server}` */
  readonly server: string;
  /** `{when}` */
  readonly openings: Readonly<Record<ReportKind, string>>;
  readonly attached: { readonly header: string; readonly message: string };
  /** `{postmaster}`, `{id}` */
  readonly help: string;
  /** `{advice}` */
  readonly advice: string;
  /** `{until}` */
  readonly until: string;
  /** `{diagnostic}` */
  readonly ourWords: string;
  /** `{host}`, `{diagnostic}` */
  readonly theirWords: string;
  readonly passedOn: { readonly delivered: string; readonly relayed: string; readonly expanded: string };
  /** By subject and detail of the status (RFC 3463), `1.1`, or by subject alone, `1`; `other` for what is in neither. */
  readonly reasons: Readonly<Record<string, Reason>>;
}

/** What stands in braces, filled in; a name that is not known stays as it is. */
export const filled = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{([a-z]+)\}/g, (whole, name: string) => values[name] ?? whole);

export function reasonFor({ reasons }: ReportTexts, status: string): Reason | undefined {
  const [, subject = "", detail = ""] = status.split(".");
  return reasons[`${subject}.${detail}`] ?? reasons[subject] ?? reasons.other;
}
