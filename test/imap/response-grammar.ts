/**
 * The grammar of what a server may send (RFC 9051 9, RFC 3501 9, and the RFCs of the extensions), without any leniency: `checkResponse` throws
 * where a response is none, and says where it stopped. Literals are in the response as octets, as they came.
 */
import { atomChar } from "./response-reader.ts";
import { StructureReader } from "./response-structure.ts";

const atom = new RegExp(`${atomChar}+`, "y");
const tag = /[^\x00-\x20\x7f-\xff(){%*"\\+]+/y;
const number = /0|[1-9]\d*/y;
const nzNumber = /[1-9]\d*/y;
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

class Response extends StructureReader {
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
    if (/\d/.test(this.next)) {
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
