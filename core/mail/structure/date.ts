/** Date-time of RFC 5322 3.3, with the obsolete forms of 4.3. */

export interface HeaderDate {
  readonly year: number;
  /** 1 to 12 */
  readonly month: number;
  readonly day: number;
  /** Milliseconds since 1970. */
  readonly epochMs: number;
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const dateTime =
  /^\s*(?:[A-Za-z]{2,12}\s{0,9},?)?\s{0,9}(\d{1,2})[\s-]{1,9}([A-Za-z]{3})[a-z]{0,9}[\s-]{1,9}(\d{2,4})(?:\s{1,9}(\d{1,2})\s{0,9}:\s{0,9}(\d{2})(?:\s{0,9}:\s{0,9}(\d{2}))?(?:\s{0,9}(?:([+-])(\d{2})(\d{2})|([A-Za-z]{1,5})))?)?/;
/** RFC 5322 4.3; letters and names not known there mean -0000. */
const zones = new Map([
  ["EDT", -240],
  ["EST", -300],
  ["CDT", -300],
  ["CST", -360],
  ["MDT", -360],
  ["MST", -420],
  ["PDT", -420],
  ["PST", -480],
]);

/** `null` if it is no date. The day is the one written, whatever the zone (RFC 3501 6.4.4 SENTON). */
export function parseDate(value: string): HeaderDate | null {
  const start = value.slice(0, 128);
  const match = dateTime.exec(start.includes("(") ? start.replace(/\([^()]*\)/g, " ") : start);
  if (!match) return null;
  const [
    ,
    d = "",
    name = "",
    y = "",
    hour = "0",
    minute = "0",
    second = "0",
    sign,
    zoneHour = "0",
    zoneMinute = "0",
    zone,
  ] = match;
  const day = Number(d);
  const month = months.indexOf(name.toLowerCase()) + 1;
  let year = Number(y);
  // RFC 5322 4.3: two and three digits.
  if (y.length === 2) year += year < 50 ? 2000 : 1900;
  else if (y.length === 3) year += 1900;
  if (month === 0 || day < 1 || day > 31 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60)
    return null;
  const offset = sign
    ? (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === "-" ? -1 : 1)
    : (zones.get((zone ?? "").toUpperCase()) ?? 0);
  const epochMs = Date.UTC(year, month - 1, day, Number(hour), Number(minute), Number(second)) - offset * 60_000;
  return { year, month, day, epochMs };
}
