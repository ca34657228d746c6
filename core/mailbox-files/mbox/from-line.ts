/**
 * `From ann@example.org Fri Jan  2 03:04:05 2026`: the line that begins a message in an mbox (RFC 4155). Dates are in local time where no
 * zone is given, as Postfix, procmail, Dovecot and mutt write them. A line without a date that can be read begins no message.
 */

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const ZONE = String.raw`(?:([+-]\d{4})|[A-Z][A-Za-z]{2,4})`;
const CLOCK = String.raw`(\d{1,2}):(\d\d)(?::(\d\d))?`;
/** asctime(3), with a zone before or behind the year. */
const ASCTIME = new RegExp(
  String.raw`(?:^|\s)(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat),?\s+([A-Za-z]{3})\s+(\d{1,2}),?\s+${CLOCK}(?:\s+${ZONE}){0,2}\s+(\d{4})(?:\s+${ZONE})?(?=\s|$)`,
);
/** As in a Date field: some archives have it. */
const FIELD_DATE = new RegExp(
  String.raw`(?:^|\s)(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat),?\s+(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+${CLOCK}(?:\s+${ZONE})?(?=\s|$)`,
);
/** A longer line is none. */
export const MAX_FROM_LINE = 1000;

interface Parts {
  readonly month: string | undefined;
  readonly day: string | undefined;
  readonly year: string | undefined;
  readonly clock: readonly (string | undefined)[];
  readonly zone: string | undefined;
}

/** When the message came in, in milliseconds since 1970; `null`: this line begins no message. Takes the line without its end. */
export function parseFromLine(line: string): number | null {
  if (!line.startsWith("From ") || line.length > MAX_FROM_LINE) return null;
  const rest = line.slice(5);
  const a = ASCTIME.exec(rest);
  if (a) return dateOf({ month: a[1], day: a[2], clock: a.slice(3, 6), zone: a[6] ?? a[8], year: a[7] });
  const b = FIELD_DATE.exec(rest);
  return b ? dateOf({ day: b[1], month: b[2], year: b[3], clock: b.slice(4, 7), zone: b[7] }) : null;
}

function dateOf({ month = "", day, year, clock, zone }: Parts): number | null {
  const at = MONTHS.indexOf(month.toLowerCase());
  const [hour, minute, second] = clock.map((part) => Number(part ?? 0));
  if (at < 0 || Number(day) < 1 || Number(day) > 31 || (hour ?? 0) > 24 || (minute ?? 0) > 59) return null;
  const fields = [Number(year), at, Number(day), hour ?? 0, minute ?? 0, second ?? 0] as const;
  if (zone === undefined) return new Date(...fields).getTime();
  const offset = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  return Date.UTC(...fields) - (zone.startsWith("-") ? -1 : 1) * offset * 60_000;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** With a line feed. A date that such a line cannot say becomes the nearest that it can. */
export function formatFromLine(sender: string, dateMs: number): string {
  const bounded = Math.min(Math.max(Number.isFinite(dateMs) ? dateMs : 0, Date.UTC(1970, 0, 2)), Date.UTC(9999, 0, 1));
  const date = new Date(bounded);
  const month = MONTHS[date.getMonth()] ?? "";
  const day = `${DAYS[date.getDay()]} ${month.charAt(0).toUpperCase()}${month.slice(1)} ${String(date.getDate()).padStart(2)}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const who = sender.replace(/[^\x21-\x7e]/g, "_").slice(0, 320);
  return `From ${who || "MAILER-DAEMON"} ${day} ${clock} ${date.getFullYear()}\n`;
}
