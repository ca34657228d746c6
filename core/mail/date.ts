/** Dates of header fields (RFC 5322 3.3), in UTC: a server's log and its mail then agree. */

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

let lastSecond = Number.NaN;
let lastText = "";

/** `Sun, 22 Nov 2026 10:42:00 +0000`; `timeMs` in milliseconds since 1970. */
export function formatDate(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second === lastSecond) return lastText;
  const date = new Date(second * 1000);
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(twoDigits).join(":");
  const day = `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  lastSecond = second;
  lastText = `${day} ${clock} +0000`;
  return lastText;
}

const twoDigits = (value: number): string => String(value).padStart(2, "0");
