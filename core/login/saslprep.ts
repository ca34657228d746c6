/**
 * SASLprep (RFC 4013): one spelling for names and passwords that look the same, for mechanisms that hash them on both sides.
 * Unassigned code points are taken as they are (RFC 3454 7, queries): the tables are of Unicode 3.2, passwords are not.
 * `null`: prohibited characters, or right-to-left text that is mixed up.
 */

// RFC 3454 C.1.2
const OTHER_SPACES = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu;
// RFC 3454 B.1; a class would join some of these with what stands before them
const NOTHING = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|[\u200B-\u200D]|\u2060|[\uFE00-\uFE0F]|\uFEFF/gu;
const PROHIBITED = new RegExp(
  [
    "[\\u0000-\\u001F\\u007F]", // C.2.1
    "[\\u0080-\\u009F\\u06DD\\u070F\\u180E\\u2028\\u2029\\u2060-\\u2063\\u206A-\\u206F\\uFEFF\\uFFF9-\\uFFFC]", // C.2.2
    "[\\u{1D173}-\\u{1D17A}]|\\u200C|\\u200D", // C.2.2
    "[\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}]", // C.3
    "\\p{Noncharacter_Code_Point}", // C.4
    "\\p{Surrogate}", // C.5
    "\\uFFFD", // C.6
    "[\\u2FF0-\\u2FFB]", // C.7
    "\\u0340|\\u0341|[\\u200E\\u200F\\u202A-\\u202E]", // C.8
    "\\u{E0001}|[\\u{E0020}-\\u{E007F}]", // C.9
  ].join("|"),
  "u",
);
// RFC 3454 D.1
const RIGHT_TO_LEFT = new RegExp(
  "[\\u05BE\\u05C0\\u05C3\\u05D0-\\u05EA\\u05F0-\\u05F4\\u061B\\u061F\\u0621-\\u063A\\u0640-\\u064A\\u066D-\\u066F" +
    "\\u0671-\\u06D5\\u06DD\\u06E5\\u06E6\\u06FA-\\u06FE\\u0700-\\u070D\\u0710\\u0712-\\u072C\\u0780-\\u07A5\\u07B1\\u200F" +
    "\\uFB1D\\uFB1F-\\uFB28\\uFB2A-\\uFB36\\uFB38-\\uFB3C\\uFB3E\\uFB40\\uFB41\\uFB43\\uFB44\\uFB46-\\uFBB1\\uFBD3-\\uFD3D" +
    "\\uFD50-\\uFD8F\\uFD92-\\uFDC7\\uFDF0-\\uFDFC\\uFE70-\\uFE74\\uFE76-\\uFEFC]",
  "u",
);
const LETTER = /\p{L}/u;

export function saslprep(text: string): string | null {
  const mapped = text.replace(OTHER_SPACES, " ").replace(NOTHING, "");
  const normal = mapped.normalize("NFKC");
  return PROHIBITED.test(normal) || isMixedUp(normal) ? null : normal;
}

/** RFC 3454 6: text with right-to-left characters begins and ends with one, and has no left-to-right ones. */
function isMixedUp(text: string): boolean {
  if (!RIGHT_TO_LEFT.test(text)) return false;
  const characters = [...text];
  const isRight = (character: string | undefined) => character !== undefined && RIGHT_TO_LEFT.test(character);
  // Table D.2 is, but for a few signs, the letters that are not in D.1.
  const hasLeft = characters.some((character) => LETTER.test(character) && !isRight(character));
  return hasLeft || !isRight(characters[0]) || !isRight(characters.at(-1));
}
