/** Maildirs of messages that are the same for each server, and each time: plain ones, multiparts with HTML, multiparts with an attachment. */
import { chown, link, mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

const words =
  "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo".split(
    " ",
  );
const FIRST_SECONDS = 1_700_000_000;

export interface MailboxFiles {
  readonly directory: string;
  readonly uid: number | null;
}

/** The last one has the word `xyzzyneedle` in its text. `isForeign`: as programs deliver that write no sizes into names, and LF. */
export async function fillMaildir(
  files: MailboxFiles,
  count: number,
  sizeBytes: number,
  { isForeign = false }: { readonly isForeign?: boolean } = {},
): Promise<void> {
  await makeMaildir(files);
  for (let number = 1; number <= count; number++) {
    const seconds = FIRST_SECONDS + number * 60;
    const wire = messageOf(number, sizeBytes, number === count ? "xyzzyneedle" : "");
    const content = isForeign ? wire.replaceAll("\r\n", "\n") : wire;
    const size = isForeign ? "" : `,S=${content.length},W=${content.length}`;
    const path = join(files.directory, `cur/${seconds}.M${number}P1.bench${size}:2,${number % 2 ? "S" : ""}`);
    await writeFile(path, content, "latin1");
    await utimes(path, seconds, seconds);
    if (files.uid !== null) await chown(path, files.uid, files.uid);
  }
}

/** Another mailbox with the same files, that no server has ever seen. */
export async function linkMaildir(from: string, files: MailboxFiles): Promise<void> {
  await makeMaildir(files);
  for (const name of await readdir(join(from, "cur"))) {
    await link(join(from, "cur", name), join(files.directory, "cur", name));
  }
}

async function makeMaildir({ directory, uid }: MailboxFiles): Promise<void> {
  for (const part of ["", "tmp", "new", "cur"]) {
    const path = join(directory, part);
    await mkdir(path, { recursive: true });
    if (uid !== null) await chown(path, uid, uid);
  }
}

export function messageOf(number: number, sizeBytes: number, needle = ""): string {
  let seed = number;
  const pick = (limit: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (seed >> 8) % limit;
  };
  const word = (): string => words[pick(words.length)] ?? "";
  const text = (length: number): string => {
    let all = needle;
    for (let line = all.length; all.length < length; ) {
      const next = word();
      all += line + next.length > 70 ? `\r\n${next} ` : `${next} `;
      line = line + next.length > 70 ? next.length : line + next.length + 1;
    }
    return `${all}\r\n`;
  };
  const date = new Date((FIRST_SECONDS + number * 60) * 1000).toUTCString().replace("GMT", "+0000");
  const header =
    `Return-Path: <${word()}@example.net>\r\nReceived: from relay.example.net (relay.example.net [192.0.2.${pick(255)}])\r\n` +
    `\tby mx.example.org with ESMTP id ${number.toString(36)}\r\n\tfor <user1@example.org>; ${date}\r\n` +
    `From: ${word()} ${word()} <${word()}@example.net>\r\nTo: User One <user1@example.org>, ${word()}@example.com\r\n` +
    `Subject: message ${number} ${word()} ${word()}\r\nDate: ${date}\r\nMessage-ID: <m${number}@example.net>\r\n` +
    `${number % 2 ? "" : `In-Reply-To: <m${number - 1}@example.net>\r\n`}MIME-Version: 1.0\r\n`;
  const room = Math.max(64, sizeBytes - header.length - 60);
  if (number % 5 !== 0 && number % 3 !== 0)
    return `${header}Content-Type: text/plain; charset=us-ascii\r\n\r\n${text(room)}`;
  const half = Math.max(32, (room - 260) >> 1);
  const second =
    number % 5 === 0
      ? `Content-Type: application/octet-stream; name="f${number}.bin"\r\nContent-Transfer-Encoding: base64\r\n` +
        `Content-Disposition: attachment; filename="f${number}.bin"\r\n\r\n` +
        `${Buffer.from(text((half * 3) >> 2))
          .toString("base64")
          .replace(/.{76}/g, "$&\r\n")}\r\n`
      : `Content-Type: text/html; charset=utf-8\r\n\r\n${text(half)}`;
  const boundary = `=_b${number}`;
  return (
    `${header}Content-Type: multipart/${number % 5 === 0 ? "mixed" : "alternative"}; boundary="${boundary}"\r\n\r\n` +
    `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text(half)}\r\n--${boundary}\r\n${second}\r\n--${boundary}--\r\n`
  );
}
