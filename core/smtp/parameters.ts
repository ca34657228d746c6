/**
 * ESMTP parameters of MAIL and RCPT (RFC 5321 4.1.2). A mistake is a reply: 501 for a bad value, 555 for an unknown keyword.
 */
import { type Reply, reply } from "./reply.ts";

export type Parameters = ReadonlyMap<string, string | null>;

// RFC 5321 4.1.2: esmtp-param; RFC 6531 3.3 adds UTF8-non-ascii to the value
const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
const VALUE = /^[!-<>-~\u0080-\u{10ffff}]+$/u;
const none: Parameters = new Map();

export const badParameter = (keyword: string): Reply => reply(501, "5.5.4", `Bad ${keyword} parameter`);

/** `rest` is what stands behind the path. Keywords come in upper case; a keyword without "=" has the value `null`. */
export function parseParameters(rest: string, known: ReadonlySet<string>): Parameters | Reply {
  if (rest === "") return none;
  const parameters = new Map<string, string | null>();
  // Lenient: more than one space between parameters, and spaces at the end
  for (const word of rest.split(" ")) {
    if (word === "") continue;
    const equals = word.indexOf("=");
    const raw = equals < 0 ? word : word.slice(0, equals);
    if (!KEYWORD.test(raw)) return reply(501, "5.5.4", "Bad parameter syntax");
    const keyword = raw.toUpperCase();
    // RFC 5321 4.1.1.11
    if (!known.has(keyword)) return reply(555, "5.5.4", `Unsupported parameter ${keyword.slice(0, 64)}`);
    if (parameters.has(keyword)) return reply(501, "5.5.4", `Parameter ${keyword} given twice`);
    const value = equals < 0 ? null : word.slice(equals + 1);
    if (value !== null && !VALUE.test(value)) return badParameter(keyword);
    parameters.set(keyword, value);
  }
  return parameters;
}

export const isReply = (value: object): value is Reply => "wire" in value;
