/** Octets of one response as RFC 9051 9 builds them: strings, literals, lists, flags. Throws where the grammar has something else, and says where. */

/** What an atom is made of. */
export const atomChar = /[^\x00-\x20\x7f-\xff(){%*"\\\]]/.source;
const astringChars = /[^\x00-\x20\x7f-\xff(){%*"\\]+/y;
const flag = new RegExp(`\\\\?${atomChar}+`, "y");

export class ResponseReader {
  readonly #octets: string;
  #at = 0;

  constructor(octets: string) {
    this.#octets = octets;
  }

  fail(wanted: string): never {
    const [before, behind] = [this.#octets.slice(0, this.#at).slice(-200), this.#octets.slice(this.#at, this.#at + 80)];
    throw new Error(`expected ${wanted} at >>> in ${JSON.stringify(`${before}>>>${behind}`)}`);
  }

  get position(): number {
    return this.#at;
  }

  since(position: number): string {
    return this.#octets.slice(position, this.#at);
  }

  /** The next octet, as a character; empty at the end. */
  get next(): string {
    return this.#octets.charAt(this.#at);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#octets.length;
  }

  is(what: string): boolean {
    return this.#octets.startsWith(what, this.#at);
  }

  take(what: string): boolean {
    if (!this.is(what)) return false;
    this.#at += what.length;
    return true;
  }

  want(what: string): void {
    if (!this.take(what)) this.fail(JSON.stringify(what));
  }

  match(pattern: RegExp, what = pattern.source): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#octets)?.[0];
    if (!found) this.fail(what);
    this.#at += found.length;
    return found;
  }

  literal(): boolean {
    const head = /~?\{(\d+)\}\r\n/y;
    head.lastIndex = this.#at;
    const found = head.exec(this.#octets);
    if (!found) return false;
    const end = this.#at + found[0].length + Number(found[1]);
    const octets = this.#octets.slice(this.#at + found[0].length, end);
    if (end > this.#octets.length) this.fail("a literal as long as it says");
    if (!found[0].startsWith("~") && octets.includes("\0")) this.fail("a literal without NUL");
    this.#at = end;
    return true;
  }

  string(): void {
    if (this.literal()) return;
    // RFC 9051 9: TEXT-CHAR, or UTF-8, where the client has enabled it.
    this.match(/"(?:[^"\\\r\n\0]|\\["\\])*"/y, "a string");
  }

  nstring(): void {
    if (!this.take("NIL")) this.string();
  }

  astring(): void {
    if (this.is('"') || this.is("{")) this.string();
    else this.match(astringChars, "an astring");
  }

  /** `(a b c)`. */
  list(item: () => void, how: "may be empty" | "not empty" = "not empty"): void {
    this.want("(");
    if (how === "may be empty" && this.take(")")) return;
    do item();
    while (this.take(" "));
    this.want(")");
  }

  flags(): void {
    this.list(() => void (this.take("\\*") || this.match(flag, "a flag")), "may be empty");
  }

  /** RFC 9051 9 mbx-list-extended, status-att-val, esearch: a value of any depth. */
  value(): void {
    if (this.is("(")) this.list(() => this.value(), "may be empty");
    else if (this.is('"') || this.is("{") || this.is("~{")) this.string();
    else this.match(/[^\x00-\x20\x7f-\xff(){"]+/y, "a value");
  }
}
