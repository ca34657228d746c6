/** URLs of messages in CATENATE (RFC 4469 3, RFC 5092): of this account, absolute paths or relative to the selected mailbox. */
import { parseSection, type Section } from "../fetch/section.ts";
import { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";

export interface MessageUrl {
  /** `null`: the selected one. */
  readonly mailbox: string | null;
  readonly uidValidity: number | null;
  readonly uid: number;
  /** `null`: the whole message. */
  readonly section: Section | null;
  /** RFC 5092 11 ipartial, RFC 5550 2.7 URL-PARTIAL. */
  readonly partial: { readonly start: number; readonly length: number | null } | null;
}

const highestNumber = 0xffff_ffff;
const form =
  /^(?:\/([^;]+?)(?:;UIDVALIDITY=([1-9]\d{0,9}))?\/)?;UID=([1-9]\d{0,9})(?:\/;SECTION=([^;]+?))?(?:\/;PARTIAL=(\d{1,15})(?:\.([1-9]\d{0,14}))?)?$/i;

/** `null`: not a URL of a message, or of another server or user (RFC 4469 3 asks for no others). */
export function parseMessageUrl(octets: string): MessageUrl | null {
  const match = form.exec(octets);
  if (!match) return null;
  const [, name, uidValidity, uid, sectionText, start, length] = match;
  const mailbox = name === undefined ? null : percentDecoded(name);
  const section = sectionText === undefined ? null : sectionOf(percentDecoded(sectionText));
  if ((name !== undefined && !mailbox) || (sectionText !== undefined && section === null)) return null;
  if (Number(uid) > highestNumber) return null;
  return {
    mailbox,
    uidValidity: uidValidity === undefined ? null : Number(uidValidity),
    uid: Number(uid),
    section,
    partial:
      start === undefined ? null : { start: Number(start), length: length === undefined ? null : Number(length) },
  };
}

/** RFC 5092 3: mailbox names are UTF-8, whatever the session speaks. */
function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(Buffer.from(text, "latin1").toString("utf8"));
  } catch (fault) {
    if (!(fault instanceof URIError)) throw fault;
    return null;
  }
}

function sectionOf(text: string | null): Section | null {
  if (text === null || /[^ -~]/.test(text)) return null;
  try {
    const parser = new CommandParser([`${text}]`]);
    const section = parseSection(parser);
    parser.end();
    return section;
  } catch (fault) {
    if (!(fault instanceof SyntaxFault)) throw fault;
    return null;
  }
}
