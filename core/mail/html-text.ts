/**
 * The text of an HTML part as far as a preview needs it: one pass, no tree. Elements that are not shown (`head`, `style`, `script`,
 * `title`, `template`, comments) are left out, block elements separate words, character references are undone. Takes anything, never
 * throws, in linear time.
 */

/** Raw text elements: their content has no tags, it goes up to their own end tag. */
const hiddenElements = new Set(["head", "style", "script", "title", "template", "noscript", "object", "svg"]);
const inlineElements = new Set([
  ...[
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "big",
    "cite",
    "code",
    "data",
    "del",
    "dfn",
    "em",
    "font",
    "i",
    "ins",
    "kbd",
    "label",
  ],
  ...["mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"],
]);
/** What mail uses of the long list of HTML. */
const characters = new Map([
  ...Object.entries({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", copy: "©", reg: "®", trade: "™" }),
  ...Object.entries({
    hellip: "…",
    ndash: "–",
    mdash: "—",
    lsquo: "‘",
    rsquo: "’",
    sbquo: "‚",
    ldquo: "“",
    rdquo: "”",
  }),
  ...Object.entries({ bdquo: "„", laquo: "«", raquo: "»", euro: "€", pound: "£", cent: "¢", yen: "¥", sect: "§" }),
  ...Object.entries({ bull: "•", middot: "·", deg: "°", times: "×", shy: "", zwnj: "", zwj: "", auml: "ä", ouml: "ö" }),
  ...Object.entries({ uuml: "ü", Auml: "Ä", Ouml: "Ö", Uuml: "Ü", szlig: "ß", eacute: "é", egrave: "è", agrave: "à" }),
  ...Object.entries({ ecirc: "ê", ccedil: "ç", ntilde: "ñ", oslash: "ø", aring: "å", aelig: "æ" }),
]);

/** Ends where `enough` characters are there. */
export function textOfHtml(html: string, enough = Number.POSITIVE_INFINITY): string {
  let text = "";
  let at = 0;
  while (at < html.length && text.length < enough) {
    const open = html.indexOf("<", at);
    if (open === -1) return text + html.slice(at);
    text += html.slice(at, open);
    if (html.startsWith("<!--", open)) {
      const end = html.indexOf("-->", open + 4);
      at = end === -1 ? html.length : end + 3;
      continue;
    }
    const tag = readTag(html, open);
    if (tag === null) {
      // A lone `<` is text.
      text += "<";
      at = open + 1;
      continue;
    }
    at = tag.end;
    if (!inlineElements.has(tag.name)) text += " ";
    if (hiddenElements.has(tag.name) && !tag.isEnd) at = endOfElement(html, tag.name, at);
  }
  return text;
}

/** Character references (HTML 13.5); those that nobody here knows stay as they are. */
export function withoutReferences(text: string): string {
  return text.replace(
    /&(?:#(?:[xX]([0-9a-fA-F]{1,6})|([0-9]{1,7}))|([A-Za-z]{2,8}));?/g,
    (whole, hex, decimal, name) => {
      if (name !== undefined) return characters.get(name) ?? whole;
      const code = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
      const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
      return isCharacter ? String.fromCodePoint(code) : "\ufffd";
    },
  );
}

interface Tag {
  readonly name: string;
  readonly isEnd: boolean;
  readonly end: number;
}

function readTag(html: string, open: number): Tag | null {
  const isEnd = html[open + 1] === "/";
  let at = open + (isEnd ? 2 : 1);
  const start = at;
  while (at < html.length && at - start < 32 && /[A-Za-z0-9:!?-]/.test(html[at] ?? "")) at++;
  if (at === start) return null;
  const name = html.slice(start, at).toLowerCase();
  // Quoted values may have a `>` in them.
  for (let quote = ""; at < html.length; at++) {
    const char = html[at] ?? "";
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === ">") return { name, isEnd, end: at + 1 };
    else if ((char === '"' || char === "'") && html[at - 1] === "=") quote = char;
  }
  return { name, isEnd, end: html.length };
}

function endOfElement(html: string, name: string, from: number): number {
  for (let at = html.indexOf("</", from); at !== -1; at = html.indexOf("</", at + 2)) {
    const end = readTagName(html, at + 2);
    if (end === name) {
      const close = html.indexOf(">", at);
      return close === -1 ? html.length : close + 1;
    }
  }
  // Never closed: what is cut off in the middle is not shown.
  return html.length;
}

const readTagName = (html: string, at: number): string =>
  /^[A-Za-z0-9]+/.exec(html.slice(at, at + 32))?.[0].toLowerCase() ?? "";
