/** Dates as RFC 3501 9 writes them. */

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (value: number): string => (value < 10 ? `0${value}` : `${value}`);

/** `" 7-Feb-1994 21:52:25 +0000"`, with its quotes. Always in UTC: the store knows a moment, no zone. */
export function formatDateTime(epochMs: number): string {
  const date = new Date(epochMs);
  const day = `${date.getUTCDate()}`.padStart(2, " ");
  const year = `${date.getUTCFullYear()}`.padStart(4, "0");
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `"${day}-${months[date.getUTCMonth()]}-${year} ${time} +0000"`;
}

const monthOf = (name: string): number => months.findIndex((month) => month.toLowerCase() === name.toLowerCase());

/** Days since 1970, or `null`. */
function dayNumber(day: string, month: string, year: string): number | null {
  const index = monthOf(month);
  const date = new Date(Date.UTC(2000, index, Number(day)));
  date.setUTCFullYear(Number(year), index, Number(day));
  if (index === -1 || date.getUTCMonth() !== index) return null;
  return Math.floor(date.getTime() / 86_400_000);
}

/** `7-Feb-1994` to days since 1970; `null` if it is no date. */
export function parseDay(text: string): number | null {
  const match = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text);
  return match ? dayNumber(match[1] ?? "", match[2] ?? "", match[3] ?? "") : null;
}

/** ` 7-Feb-1994 21:52:25 -0800` to milliseconds since 1970; `null` if it is no date-time. */
export function parseDateTime(text: string): number | null {
  // Lenient: a one digit day without the blank before it.
  const match = /^ ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/.exec(text);
  if (!match) return null;
  const [, d = "", month = "", year = "", hour, minute, second, sign, zoneHour, zoneMinute] = match;
  const day = dayNumber(d, month, year);
  if (day === null || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * (sign === "-" ? -60_000 : 60_000);
  return day * 86_400_000 + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000 - offset;
}
