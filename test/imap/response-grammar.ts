/**
 * The grammar of what a server may send (RFC 9051 9, RFC 3501 9, and the RFCs of the extensions), without any leniency: `checkResponse` throws
 * where a response is none, and says where it stopped. Literals are in the response as octets, as they came.
 */

const atomChar = /[^\x00-\x20\x7f-\xff(){%*"\\\]]/.source;
const atom = new RegExp(`${atomChar}+`, "y");
const tag = /[^\x00-\x20\x7f-\xff(){%*"\\+]+/y;
const astringChars = /[^\x00-\x20\x7f-\xff(){%*"\\]+/y;
const number = /0|[1-9]\d*/y;
const nzNumber = /[1-9]\d*/y;
const flag = new RegExp(`\\\\?${atomChar}+`, "y");
const dateTime =
  /"[ 0123]\d-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4} [012]\d:[0-5]\d:[0-6]\d [+-]\d{4}"/y;
const set = /[1-9]\d*(?::[1-9]\d*)?(?:,[1-9]\d*(?::[1-9]\d*)?)*/y;
/** RFC 3501: TEXT-CHAR is any CHAR but CR and LF; none of them is NUL. */
const text = /[^\x00\r\n\x80-\xff]+/y;
const objectId = /[A-Za-z0-9_-]{1,255}/y;
const section =
  /\[(?:(?:[1-9]\d*(?:\.[1-9]\d*)*)?(?:(?:^|\.|(?<=\[))(?:HEADER|TEXT|MIME|HEADER\.FIELDS(?:\.NOT)? \((?:[^\r\n()"{]|"[^"\r\n]*")+\)))?)?\](?:<\d+>)?/y;

const plainCodes = new Set(
  "ALERT ALREADYEXISTS AUTHENTICATIONFAILED AUTHORIZATIONFAILED CANNOT CLIENTBUG CLOSED COMPRESSIONACTIVE CONTACTADMIN CORRUPTION EXPIRED EXPUNGEISSUED HASCHILDREN INUSE LIMIT MODIFIED NOMODSEQ NONEXISTENT NOPERM NOTIFICATIONOVERFLOW NOTSAVED OVERQUOTA OVERQUOTA-SOFT PARSE PRIVACYREQUIRED READ-ONLY READ-WRITE SERVERBUG TOOBIG TRYCREATE UIDNOTSTICKY UNAVAILABLE UNKNOWN-CTE USEATTR NOUPDATE BADCOMPARATOR MAXCONVERTMESSAGES ANNOTATIONS".split(
    " ",
  ),
);

class Response {
  readonly #octets: string;
  #at = 0;

  constructor(octets: string) {
    this.#octets = octets;
  }

  fail(wanted: string): never {
    const [before, behind] = [this.#octets.slice(0, this.#at).slice(-200), this.#octets.slice(this.#at, this.#at + 80)];
    throw new Error(`expected ${wanted} at >>> in ${JSON.stringify(`${before}>>>${behind}`)}`);
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

  capabilities(): void {
    const words: string[] = [];
    do words.push(this.match(atom, "a capability"));
    while (this.take(" "));
    if (!words.includes("IMAP4rev1") && !words.includes("IMAP4rev2")) this.fail("IMAP4rev1 or IMAP4rev2");
    if (new Set(words).size !== words.length) this.fail("each capability once");
  }

  code(): void {
    const name = this.match(atom, "a response code");
    if (plainCodes.has(name) && this.is("]")) return;
    switch (name) {
      case "BADCHARSET":
        if (this.take(" ")) this.list(() => this.astring());
        return;
      case "CAPABILITY":
        this.want(" ");
        this.capabilities();
        return;
      case "PERMANENTFLAGS":
        this.want(" ");
        this.flags();
        return;
      case "UIDNEXT":
      case "UIDVALIDITY":
      case "UNSEEN":
      case "HIGHESTMODSEQ":
        this.want(" ");
        this.match(name === "HIGHESTMODSEQ" ? number : nzNumber);
        return;
      case "MODIFIED":
        this.want(" ");
        this.match(set);
        return;
      case "APPENDUID":
      case "COPYUID":
        this.want(" ");
        this.match(nzNumber);
        for (let sets = name === "APPENDUID" ? 1 : 2; sets > 0; sets--) {
          this.want(" ");
          this.match(set, "a UID set");
        }
        return;
      case "MAILBOXID":
        this.want(" (");
        this.match(objectId);
        this.want(")");
        return;
      case "BADEVENT":
        this.want(" ");
        this.list(() => void this.match(atom));
        return;
      case "METADATA":
        this.want(" ");
        this.match(/LONGENTRIES \d+|\((?:MAXSIZE \d+|TOOMANY|NOPRIVATE)\)|MAXSIZE \d+|TOOMANY|NOPRIVATE/y);
        return;
      case "BADURL":
      case "NOUPDATE":
        this.want(" ");
        this.match(/[^\]\r\n\0]+/y);
        return;
      default:
        this.fail(`a response code that is known, not ${name}`);
    }
  }

  respText(): void {
    if (this.take("[")) {
      this.code();
      this.want("] ");
    }
    this.match(text, "text");
    this.end();
  }

  end(): void {
    if (!this.isAtEnd) this.fail("the end");
  }

  /** RFC 9051 9 mbx-list-extended, status-att-val, esearch: a value of any depth. */
  value(): void {
    if (this.is("(")) this.list(() => this.value(), "may be empty");
    else if (this.is('"') || this.is("{") || this.is("~{")) this.string();
    else this.match(/[^\x00-\x20\x7f-\xff(){"]+/y, "a value");
  }

  status(): void {
    this.astring();
    this.want(" ");
    this.list(() => {
      const name = this.match(atom, "a STATUS item");
      this.want(" ");
      if (name === "MAILBOXID") this.list(() => void this.match(objectId));
      else if (!this.take("NIL")) this.match(number);
    }, "may be empty");
  }

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
    const from = this.#at;
    this.string();
    this.want(" ");
    this.string();
    const type = this.#octets.slice(from, this.#at).toLowerCase();
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

  attribute(): void {
    const name = this.match(/[A-Z][A-Z0-9.]*/y, "an item of FETCH");
    if (this.is("[")) {
      if (!["BODY", "BINARY", "BINARY.SIZE"].includes(name)) this.fail(`no section behind ${name}`);
      this.match(section, "a section");
      this.want(" ");
      if (name === "BINARY.SIZE") this.match(number);
      else this.nstring();
      return;
    }
    this.want(" ");
    switch (name) {
      case "FLAGS":
        this.flags();
        return;
      case "UID":
        this.match(nzNumber);
        return;
      case "RFC822.SIZE":
        this.match(number);
        return;
      case "INTERNALDATE":
        this.match(dateTime, "a date-time");
        return;
      case "SAVEDATE":
        if (!this.take("NIL")) this.match(dateTime, "a date-time");
        return;
      case "ENVELOPE":
        this.envelope();
        return;
      case "BODY":
      case "BODYSTRUCTURE":
        this.body();
        return;
      case "MODSEQ":
        this.want("(");
        this.match(nzNumber);
        this.want(")");
        return;
      case "EMAILID":
      case "THREADID":
        if (!this.take("NIL")) this.list(() => void this.match(objectId));
        return;
      case "RFC822":
      case "RFC822.HEADER":
      case "RFC822.TEXT":
      case "PREVIEW":
        this.nstring();
        return;
      default:
        this.fail("an item that FETCH has");
    }
  }

  thread(): void {
    this.want("(");
    if (!this.is("(")) {
      do this.match(nzNumber);
      while (this.take(" ") && !this.is("("));
    }
    while (this.is("(")) this.thread();
    this.want(")");
  }

  untagged(): void {
    if (/^\d/.test(this.#octets.slice(this.#at, this.#at + 1))) {
      this.match(number);
      this.want(" ");
      const name = this.match(atom);
      if (name === "FETCH") {
        this.want(" ");
        this.list(() => this.attribute());
      } else if (!["EXISTS", "RECENT", "EXPUNGE"].includes(name)) this.fail("EXISTS, RECENT, EXPUNGE or FETCH");
      this.end();
      return;
    }
    const name = this.match(atom, "the name of a response");
    if (["OK", "NO", "BAD", "BYE", "PREAUTH"].includes(name)) {
      this.want(" ");
      this.respText();
      return;
    }
    if (!this.isAtEnd) this.want(" ");
    this.data(name);
    this.end();
  }

  data(name: string): void {
    switch (name) {
      case "CAPABILITY":
        this.capabilities();
        return;
      case "FLAGS":
        this.flags();
        return;
      case "ENABLED":
      case "ACL":
      case "LISTRIGHTS":
      case "MYRIGHTS":
      case "QUOTAROOT":
        for (let isFirst = true; !this.isAtEnd; isFirst = false) {
          if (!isFirst) this.want(" ");
          this.astring();
        }
        return;
      case "SEARCH":
      case "SORT":
        if (this.isAtEnd) return;
        do {
          if (this.take("(MODSEQ ")) {
            this.match(nzNumber);
            this.want(")");
          } else this.match(nzNumber);
        } while (this.take(" "));
        return;
      case "THREAD":
        while (this.is("(")) this.thread();
        return;
      case "VANISHED":
        this.take("(EARLIER) ");
        this.match(set);
        return;
      case "STATUS":
        this.status();
        return;
      case "LIST":
      case "LSUB":
        this.flags();
        this.want(" ");
        this.match(/NIL|"(?:[^"\\\r\n]|\\["\\])"/y, "a delimiter");
        this.want(" ");
        this.astring();
        if (this.take(" ")) this.value();
        return;
      case "NAMESPACE":
        for (let kind = 0; kind < 3; kind++) {
          if (kind > 0) this.want(" ");
          if (this.take("NIL")) continue;
          this.want("(");
          do this.value();
          while (this.is("("));
          this.want(")");
        }
        return;
      case "ID":
        if (!this.take("NIL")) this.list(() => this.nstring());
        return;
      case "QUOTA":
        this.astring();
        this.want(" ");
        this.list(() => void this.match(new RegExp(`${atomChar}+ \\d+ \\d+`, "y")), "may be empty");
        return;
      case "METADATA":
      case "ESEARCH":
        for (let isFirst = true; !this.isAtEnd; isFirst = false) {
          if (!isFirst) this.want(" ");
          this.value();
        }
        return;
      default:
        this.fail(`a response that is known, not ${name}`);
    }
  }
}

/** One response without its last CRLF, an octet string. */
export function checkResponse(octets: string): void {
  const response = new Response(octets);
  if (response.take("+ ")) {
    if (!/^\+ [A-Za-z0-9+/]*=*$/.test(octets)) response.respText();
  } else if (response.take("* ")) response.untagged();
  else {
    response.match(tag, "a tag");
    response.want(" ");
    response.match(/OK|NO|BAD/y, "OK, NO or BAD");
    response.want(" ");
    response.respText();
  }
}

/** All that a server has sent. `isCut`: the last response may not be whole. */
export function checkStream(octets: string, { isCut = false } = {}): void {
  let at = 0;
  while (at < octets.length) {
    let end = at;
    for (;;) {
      const lineEnd = octets.indexOf("\r\n", end);
      if (lineEnd < 0) {
        if (isCut) return;
        throw new Error(`a response without its end: ${JSON.stringify(octets.slice(at, at + 200))}`);
      }
      const literal = /\{(\d+)\}$/.exec(octets.slice(Math.max(end, lineEnd - 20), lineEnd));
      end = lineEnd + 2 + Number(literal?.[1] ?? 0);
      if (!literal) break;
      if (end > octets.length) {
        if (isCut) return;
        throw new Error("a literal without its end");
      }
    }
    checkResponse(octets.slice(at, end - 2));
    at = end;
  }
}
