/**
 * mbox files as other programs write and read them. Reading: a message begins with a From_ line at the start or behind an empty line; one
 * `>` is taken from quoted ones (mboxo, mboxrd); Status, X-Status, X-Keywords become flags and go. Writing: mboxrd with LF, such as mutt,
 * Dovecot and Thunderbird read.
 */

/** `From somebody Mon Nov  2 10:03:05 2026`, with or without seconds, a zone, or words behind. */
const FROM_LINE =
  /^From .*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +([A-Z][a-z]{2}) +(\d{1,2}),? +(\d{1,2}):(\d{2})(?::(\d{2}))?(?: +[A-Z+-][\w+-]*)* +(\d{4})/;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

export const isFromLine = (line: string): boolean => FROM_LINE.test(line);

/** The time of a From_ line is that of its machine, and is taken as this one's. */
export function dateOfFromLine(line: string): number | null {
  const [, month = "", day, hour, minute, second, year] = FROM_LINE.exec(line) ?? [];
  const index = MONTHS.indexOf(month);
  if (index < 0) return null;
  const time = new Date(Number(year), index, Number(day), Number(hour), Number(minute), Number(second ?? 0)).getTime();
  return Number.isNaN(time) ? null : time;
}

export function fromLine(sender: string, timeMs: number): string {
  const time = new Date(timeMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  const address = /^[!-~]+$/.test(sender) ? sender : "MAILER-DAEMON";
  const date = `${DAYS[time.getDay()]} ${MONTHS[time.getMonth()]} ${String(time.getDate()).padStart(2)}`;
  return `From ${address} ${date} ${clock} ${time.getFullYear()}\n`;
}

const OWN_FIELDS =
  /^(?:Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase|Content-Length|X-Mozilla-Status2?|X-Mozilla-Keys):/i;
const LETTERS: readonly (readonly [string, string])[] = [
  ["R", "\\Seen"],
  ["A", "\\Answered"],
  ["F", "\\Flagged"],
  ["T", "\\Draft"],
  ["D", "\\Deleted"],
];

export interface MboxMessage {
  /** CRLF, without the fields that are mbox's own. */
  readonly content: Buffer;
  readonly flags: readonly string[];
  /** What other programs keep there in the place of a first message. */
  readonly isInternal: boolean;
}

/** `bytes`: behind the From_ line, up to the next one. */
export function readMessage(bytes: Buffer): MboxMessage {
  const lines = bytes
    .toString("latin1")
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
  const kept: string[] = [];
  const fields = new Map<string, string>();
  let at = 0;
  let isOwn = false;
  for (; at < lines.length; at++) {
    const line = lines[at] ?? "";
    if (line === "") break;
    const isFolded = /^[ \t]/.test(line);
    if (!isFolded) isOwn = OWN_FIELDS.test(line);
    if (!isOwn) kept.push(line);
    else {
      const [, name = "", value = line.trim()] = isFolded ? [] : (/^([^:]+):\s*(.*)$/.exec(line) ?? []);
      fields.set(name.toLowerCase(), `${fields.get(name.toLowerCase()) ?? ""} ${value}`.trim());
    }
  }
  const body = lines.slice(at).map((line) => (/^>+From /.test(line) ? line.slice(1) : line));
  // The empty line in front of the next From_ line is not the message's.
  if (body.at(-1) === "" && body.length > 1) body.pop();
  return {
    content: Buffer.from(`${[...kept, ...body].join("\r\n")}\r\n`, "latin1"),
    flags: flagsIn(fields),
    isInternal: fields.has("x-imap") && kept.some((line) => /^Subject: .*FOLDER INTERNAL DATA/i.test(line)),
  };
}

function flagsIn(fields: ReadonlyMap<string, string>): readonly string[] {
  const letters = `${fields.get("status") ?? ""}${fields.get("x-status") ?? ""}`;
  const mozilla = Number.parseInt(fields.get("x-mozilla-status") ?? "0", 16);
  const flags = new Set(LETTERS.flatMap(([letter, flag]) => (letters.includes(letter) ? [flag] : [])));
  for (const [bit, flag] of [
    [1, "\\Seen"],
    [2, "\\Answered"],
    [4, "\\Flagged"],
    [8, "\\Deleted"],
  ] as const) {
    if (mozilla & bit) flags.add(flag);
  }
  const words = `${fields.get("x-keywords") ?? ""} ${fields.get("x-mozilla-keys") ?? ""}`.split(/[\s,]+/);
  for (const word of words) if (word !== "") flags.add(word);
  return [...flags];
}

/** From_ line, message with LF, an empty line. */
export function writeMessage(
  content: Buffer,
  { flags, dateMs }: { readonly flags: readonly string[]; readonly dateMs: number },
): Buffer {
  const text = content.toString("latin1").replaceAll("\r\n", "\n");
  const end = text.indexOf("\n\n");
  const header = (end < 0 ? text : text.slice(0, end)).replace(/\n$/, "");
  const body = end < 0 ? "" : text.slice(end + 2);
  const kept = header.replace(
    /^(?:Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase|Content-Length):.*(?:\n[ \t].*)*\n?/gim,
    "",
  );
  const has = (flag: string) => flags.includes(flag);
  const letters = LETTERS.slice(1).flatMap(([letter, flag]) => (has(flag) ? [letter] : []));
  const keywords = flags.filter((flag) => !flag.startsWith("\\"));
  const own = [
    `Status: ${has("\\Seen") ? "RO" : "O"}`,
    ...(letters.length > 0 ? [`X-Status: ${letters.join("")}`] : []),
    ...(keywords.length > 0 ? [`X-Keywords: ${keywords.join(" ")}`] : []),
  ];
  const sender = /^Return-Path: *<([^>\s]*)>/im.exec(header)?.[1] ?? "";
  const quoted = body.replace(/^(>*From )/gm, ">$1");
  const whole = `${kept.replace(/\n$/, "")}\n${own.join("\n")}\n\n${quoted}${quoted === "" || quoted.endsWith("\n") ? "" : "\n"}\n`;
  return Buffer.from(fromLine(sender, dateMs) + whole, "latin1");
}
