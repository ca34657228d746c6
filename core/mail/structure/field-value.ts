/**
 * Structured values of MIME header fields (RFC 2045 5.1, RFC 2183 2): a token, then `;name=value` pairs. Works on octet
 * strings (one character an octet). Takes what real programs write; what makes no sense is passed over, nothing throws.
 */

export type Parameters = readonly (readonly [name: string, value: string])[];

/** Fields with more parameters than this are cut: no honest one comes near. */
const maxParameters = 256;

const isSpace = (code: number): boolean => code === 32 || code === 9 || code === 13 || code === 10;
const openComment = 40;

/** Octets, to be asked for often. */
export class OctetSet {
  readonly #isIn = new Uint8Array(256);

  constructor(chars: string) {
    for (const char of chars) this.#isIn[char.charCodeAt(0)] = 1;
  }

  has(code: number): boolean {
    return this.#isIn[code] === 1;
  }
}

const controls = String.fromCharCode(127, ...Array.from({ length: 32 }, (_, code) => code));
/** RFC 2045 5.1: tspecials end a token, and so do blanks and controls. */
const tokenEnds = new OctetSet(`()<>@,;:\\"/[]?= ${controls}`);

/** A cursor over one field value. */
export class FieldCursor {
  at = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }

  peek(): string {
    return this.text.charAt(this.at);
  }

  /** Takes the character if it is next. */
  take(char: string): boolean {
    if (this.text.charCodeAt(this.at) !== char.charCodeAt(0)) return false;
    this.at++;
    return true;
  }

  /** Blanks and comments, which nest (RFC 5322 3.2.2). Answers the text of the last comment. */
  skipBlanks(): string | null {
    let comment: string | null = null;
    for (;;) {
      this.skipBlanksOnly();
      if (this.text.charCodeAt(this.at) !== openComment) return comment;
      comment = this.comment();
    }
  }

  skipBlanksOnly(): void {
    while (this.at < this.text.length && isSpace(this.text.charCodeAt(this.at))) this.at++;
  }

  comment(): string {
    let depth = 0;
    let content = "";
    for (; this.at < this.text.length; this.at++) {
      let char = this.text.charAt(this.at);
      if (char === "(") {
        if (depth++ === 0) continue;
      } else if (char === ")") {
        if (--depth === 0) {
          this.at++;
          return content;
        }
      } else if (char === "\\" && this.at + 1 < this.text.length) char = this.text.charAt(++this.at);
      content += char;
    }
    return content;
  }

  token(): string {
    const start = this.at;
    while (this.at < this.text.length && !tokenEnds.has(this.text.charCodeAt(this.at))) this.at++;
    return this.text.slice(start, this.at);
  }

  /** A quoted-string without quotes and backslashes; one that never ends runs to the end of the field. */
  quoted(): string {
    this.at++;
    let content = "";
    let from = this.at;
    for (; this.at < this.text.length; this.at++) {
      const char = this.text.charAt(this.at);
      if (char === '"') break;
      if (char === "\\" && this.at + 1 < this.text.length) {
        content += this.text.slice(from, this.at);
        from = ++this.at;
      }
    }
    content += this.text.slice(from, this.at);
    this.at++;
    return content;
  }

  skipTo(chars: string): void {
    while (this.at < this.text.length && !chars.includes(this.text.charAt(this.at))) this.at++;
  }
}

/** `;name=value` until the end of the field. Names and values stay as they come, also RFC 2231's `filename*0*`. */
export function parseParameters(cursor: FieldCursor): Parameters {
  const parameters: [string, string][] = [];
  while (!cursor.isAtEnd && parameters.length < maxParameters) {
    cursor.skipBlanks();
    if (!cursor.take(";")) {
      cursor.skipTo(";");
      continue;
    }
    cursor.skipBlanks();
    const name = cursor.token();
    cursor.skipBlanks();
    if (name === "" || !cursor.take("=")) continue;
    cursor.skipBlanks();
    parameters.push([name, cursor.peek() === '"' ? cursor.quoted() : bareValue(cursor)]);
  }
  return parameters;
}

/**
 * Lenient: many programs leave out the quotes around names with blanks or tspecials, so a bare value goes up to `;`. Where
 * something like another parameter follows without `;`, it ends at the blank.
 */
function bareValue(cursor: FieldCursor): string {
  let value = "";
  let blanks = "";
  while (!cursor.isAtEnd && cursor.peek() !== ";") {
    if (isSpace(cursor.text.charCodeAt(cursor.at))) {
      const from = cursor.at;
      blanks = cursor.skipBlanks() === null ? cursor.text.slice(from, cursor.at) : " ";
      continue;
    }
    const start = cursor.at;
    let hasParameter = false;
    while (!cursor.isAtEnd && cursor.peek() !== ";" && !isSpace(cursor.text.charCodeAt(cursor.at))) {
      hasParameter ||= cursor.peek() === "=" || cursor.peek() === '"';
      cursor.at++;
    }
    if (value !== "" && hasParameter) {
      cursor.skipTo(";");
      return value;
    }
    value += blanks + cursor.text.slice(start, cursor.at);
    blanks = "";
  }
  return value;
}

/** `type/subtype; parameters`; `null` if it is no media type, which RFC 2045 5.2 takes for absent. */
export function parseContentType(value: string): { type: string; subtype: string; parameters: Parameters } | null {
  const cursor = new FieldCursor(value);
  cursor.skipBlanks();
  const type = cursor.token();
  cursor.skipBlanks();
  if (type === "" || !cursor.take("/")) return null;
  cursor.skipBlanks();
  const subtype = cursor.token();
  if (subtype === "") return null;
  return { type: type.toLowerCase(), subtype: subtype.toLowerCase(), parameters: parseParameters(cursor) };
}

/** RFC 2183 2; `null` if there is no type. */
export function parseDisposition(value: string): { type: string; parameters: Parameters } | null {
  const cursor = new FieldCursor(value);
  cursor.skipBlanks();
  const type = cursor.token();
  return type === "" ? null : { type, parameters: parseParameters(cursor) };
}

/** RFC 3282: a comma separated list of tags. */
export function parseLanguages(value: string): readonly string[] | null {
  const cursor = new FieldCursor(value);
  const tags: string[] = [];
  while (!cursor.isAtEnd && tags.length < maxParameters) {
    cursor.skipBlanks();
    const tag = cursor.token();
    if (tag !== "") tags.push(tag);
    cursor.skipTo(",");
    cursor.take(",");
  }
  return tags.length > 0 ? tags : null;
}

/** The first token of a field, comments left out. */
export function parseToken(value: string): string {
  const cursor = new FieldCursor(value);
  cursor.skipBlanks();
  return cursor.token();
}

/** The value of a parameter, its name compared without case. */
export function parameter(parameters: Parameters, name: string): string | null {
  for (const [key, value] of parameters) if (key.length === name.length && key.toLowerCase() === name) return value;
  return null;
}
