/** RFC 2047: text beyond ASCII as encoded words, for fields of messages that must be ASCII. Pure. */

/** RFC 2047 2: an encoded word has at most 75 characters, so 45 octets in base 64 beside `=?utf-8?B??=`. */
const WORD_OCTETS = 45;

/** Plain ASCII stays as it is. Words stand behind one another with a blank, which readers drop (RFC 2047 6.2). */
export function encodeWords(text: string): string {
  if (!/[^\u0020-\u007E]/.test(text)) return text;
  const words: string[] = [];
  let octets = Buffer.alloc(0);
  const flush = () => {
    if (octets.length > 0) words.push(`=?utf-8?B?${octets.toString("base64")}?=`);
    octets = Buffer.alloc(0);
  };
  // RFC 2047 5: no character is split between two words
  for (const character of text) {
    const more = Buffer.from(character);
    if (octets.length + more.length > WORD_OCTETS) flush();
    octets = Buffer.concat([octets, more]);
  }
  flush();
  return words.join(" ");
}
