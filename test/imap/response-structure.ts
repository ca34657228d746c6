/** ENVELOPE and BODYSTRUCTURE as RFC 9051 9 writes them. */
import { ResponseReader } from "./response-reader.ts";

const number = /0|[1-9]\d*/y;

export class StructureReader extends ResponseReader {
  envelope(): void {
    const addresses = () => {
      if (this.take("NIL")) return;
      this.want("(");
      do {
        this.want("(");
        for (let field = 0; field < 4; field++) {
          if (field > 0) this.want(" ");
          this.nstring();
        }
        this.want(")");
      } while (this.is("("));
      this.want(")");
    };
    this.want("(");
    const fields = [
      ...Array(2).fill(() => this.nstring()),
      ...Array(6).fill(addresses),
      ...Array(2).fill(() => this.nstring()),
    ];
    for (const [index, field] of fields.entries()) {
      if (index > 0) this.want(" ");
      field();
    }
    this.want(")");
  }

  /** RFC 9051 9 body-fld-param. */
  #parameters(): void {
    if (this.take("NIL")) return;
    let count = 0;
    this.list(() => {
      this.string();
      count++;
    });
    if (count % 2 !== 0) this.fail("pairs of parameters");
  }

  /** body-ext: MD5 or parameters first, then disposition, language, location. */
  #extension(first: () => void): void {
    if (!this.take(" ")) return;
    first();
    if (!this.take(" ")) return;
    if (!this.take("NIL")) {
      this.want("(");
      this.string();
      this.want(" ");
      this.#parameters();
      this.want(")");
    }
    if (!this.take(" ")) return;
    if (this.is("(")) this.list(() => this.string());
    else this.nstring();
    if (!this.take(" ")) return;
    this.nstring();
    while (this.take(" ")) this.value();
  }

  body(): void {
    this.want("(");
    if (this.is("(")) {
      do this.body();
      while (this.is("("));
      this.want(" ");
      this.string();
      this.#extension(() => this.#parameters());
      this.want(")");
      return;
    }
    const from = this.position;
    this.string();
    this.want(" ");
    this.string();
    const type = this.since(from).toLowerCase();
    this.want(" ");
    this.#parameters();
    for (const field of [
      () => this.nstring(),
      () => this.nstring(),
      () => this.string(),
      () => void this.match(number),
    ]) {
      this.want(" ");
      field();
    }
    if (/^"message" "(?:rfc822|global)"$/.test(type)) {
      this.want(" ");
      this.envelope();
      this.want(" ");
      this.body();
    }
    if (/^"text" |^"message" "(?:rfc822|global)"$/.test(type)) {
      this.want(" ");
      this.match(number);
    }
    this.#extension(() => this.nstring());
    this.want(")");
  }
}
