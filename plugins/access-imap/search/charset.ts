/** The charset that the strings of a search are written in (RFC 3501 6.4.4). */
import { decodeRaw, decodeText } from "postern/mail";
import type { CommandParser } from "../wire/command-parser.ts";

/** From octets to text. */
export type DecodeNeedle = (octets: string) => string;

/** RFC 3501 6.4.4: what BADCHARSET tells. Far more is taken. */
export const charsets = "(US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252 KOI8-R ISO-2022-JP GB18030 BIG5 EUC-KR)";

/** Without a charset: ASCII. Lenient: many clients send UTF-8, some latin-1. */
export const undeclared: DecodeNeedle = decodeRaw;

/** `null`: nobody here can decode it. */
export function needleDecoder(name: string): DecodeNeedle | null {
  const label = name.toUpperCase();
  if (label === "US-ASCII" || label === "UTF-8") return decodeRaw;
  if (!isKnown(name)) return null;
  return (octets) => decodeText(Buffer.from(octets, "latin1"), name);
}

function isKnown(name: string): boolean {
  try {
    new TextDecoder(name);
    return true;
  } catch (fault) {
    if (fault instanceof RangeError) return false;
    throw fault;
  }
}

/** What stands behind `CHARSET`, without the blank; `null`: not taken here, and what follows cannot be read. */
export const parseCharset = (parser: CommandParser): DecodeNeedle | null => needleDecoder(parser.astring());
