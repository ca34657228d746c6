/**
 * How texts are compared when somebody searches or sorts (RFC 3501 6.4.4, RFC 5051, RFC 5255 4.2): compatibility forms, then case. Works
 * on decoded text.
 */

/** For searching: whoever looks for STRASSE finds Straße. */
export function foldText(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase();
  // A sigma at the end of a word is one, wherever a piece of text ends.
  return text.normalize("NFKD").toUpperCase().toLowerCase().replaceAll("ς", "σ");
}

const digraphs = new Map(["Ǆ", "Ǉ", "Ǌ", "Ǳ"].flatMap((upper, at) => titles(upper, ["ǅ", "ǈ", "ǋ", "ǲ"][at] ?? upper)));

function titles(upper: string, title: string): [string, string][] {
  return [
    [upper, title],
    [upper.toLowerCase(), title],
    [title, title],
  ];
}

/** i;unicode-casemap (RFC 5051 2.1): simple titlecase of each character, then its decomposition. */
export function casemap(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toUpperCase();
  let mapped = "";
  for (const char of text) {
    const upper = digraphs.get(char) ?? char.toUpperCase();
    // What only the full mapping knows (ß to SS) stays: RFC 5051 takes the simple one.
    mapped += [...upper].length === 1 ? upper : char;
  }
  return mapped.normalize("NFKD");
}

/** By code points, as UTF-8 octets would be (RFC 5051 2.1). Negative: `a` comes first. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left === right) continue;
    // Surrogates stand for what is above U+FFFF.
    const isLeftHigh = left >= 0xd800 && left <= 0xdfff;
    const isRightHigh = right >= 0xd800 && right <= 0xdfff;
    return isLeftHigh === isRightHigh ? left - right : isLeftHigh ? 1 : -1;
  }
  return a.length - b.length;
}
