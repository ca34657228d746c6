/**
 * The tokens of a structured header field (RFC 5322 3.2) with their places. Octets above 127 are letters (RFC 6532 3.2). `null`
 * where a quote, comment, literal or bracket does not close, or where a control character stands: such a field is nobody's to edit.
 */

export interface Token {
  readonly kind: "blank" | "comment" | "quoted" | "literal" | "atom" | "special";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const BLANK = /[ \t\r\n]+/y;
const QUOTED = /"(?:[^"\\\u0000]|\\[^\u0000])*"/y;
const LITERAL = /\[[^\][\\\u0000-\u0020\u007f]*\]/y;
// RFC 5322 3.2.3, and what RFC 6532 adds
const ATOM = /[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\u00ff]+/y;
const SPECIAL = /[<>@,;:.]/y;

const kinds = [
  ["blank", BLANK],
  ["quoted", QUOTED],
  ["literal", LITERAL],
  ["atom", ATOM],
  ["special", SPECIAL],
] as const;

export function tokensOf(value: string): readonly Token[] | null {
  const tokens: Token[] = [];
  let isAngled = false;
  for (let at = 0; at < value.length; ) {
    const token = value[at] === "(" ? readComment(value, at) : readToken(value, at);
    if (token === null) return null;
    if (token.text === "<" || token.text === ">") {
      if (isAngled === (token.text === "<")) return null;
      isAngled = token.text === "<";
    }
    tokens.push(token);
    at = token.end;
  }
  return isAngled ? null : tokens;
}

function readToken(value: string, start: number): Token | null {
  for (const [kind, pattern] of kinds) {
    pattern.lastIndex = start;
    const text = pattern.exec(value)?.[0];
    if (text !== undefined) return { kind, text, start, end: start + text.length };
  }
  return null;
}

/** Comments nest (RFC 5322 3.2.2). */
function readComment(value: string, start: number): Token | null {
  let depth = 0;
  for (let at = start; at < value.length; at += 1) {
    const char = value[at];
    if (char === "\u0000") return null;
    if (char === "\\") at += 1;
    else if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    if (depth === 0) return { kind: "comment", text: value.slice(start, at + 1), start, end: at + 1 };
  }
  return null;
}
