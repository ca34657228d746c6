import { expect, it } from "vitest";
import { checkResponse, checkStream } from "./response-grammar.ts";

const right = [
  "* OK [CAPABILITY IMAP4rev1 IDLE] hello",
  "a1 NO [BADURL /x;UID=1] gone",
  '* LIST (\\HasNoChildren) "/" INBOX',
  '* LIST (\\Marked) NIL "a \\"b\\"" ("CHILDINFO" ("SUBSCRIBED"))',
  "* 3 FETCH (FLAGS (\\Seen kw) UID 3 BODY[1.2.MIME]<0> {3}\r\nabc)",
  '* 1 FETCH (INTERNALDATE " 7-Feb-1994 01:02:03 +0000" RFC822.SIZE 0 MODSEQ (5))',
  '* 1 FETCH (ENVELOPE ("d" NIL (("A" NIL "a" "b")) NIL NIL NIL NIL NIL NIL "<x>"))',
  '* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" "x") NIL NIL "7BIT" 1 1))',
  '* 1 FETCH (BODYSTRUCTURE (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1 NIL NIL NIL NIL)("IMAGE" "GIF" NIL NIL NIL "BASE64" 4) "MIXED" ("BOUNDARY" "b") NIL NIL NIL))',
  '* ESEARCH (TAG "a") UID ALL 1:3,5 COUNT 4',
  "* THREAD (1)(2 3 (4)(5 6))",
  "* SEARCH",
  "* VANISHED (EARLIER) 1:5",
  "+ OK",
  "+ ",
  "+ YWJj",
];
it.each(right)("takes %s", (response) => checkResponse(response));

const wrong = [
  "* OK",
  "* OK [NONSENSE] text",
  "* OK [UIDNEXT 0] text",
  "* OK caf\xc3\xa9",
  "a1 FINE text",
  "a+1 OK text",
  "* 3 FETCH (FLAGS (\\Seen ) UID 3)",
  "* 3 FETCH (UID 0)",
  "* 3 FETCH ()",
  "* 3 FETCH (BODY[] {3}\r\nab)",
  "* 3 FETCH (BODY[] {3}\r\na\0b)",
  "* 3 FETCH (BODY[0] NIL)",
  "* 03 EXISTS",
  "* SEARCH 0",
  "* SEARCH 1 ",
  '* LIST () "/" ',
  "* LIST () / INBOX",
  '* 1 FETCH (INTERNALDATE "7-Feb-1994 01:02:03 +0000")',
  '* 1 FETCH (ENVELOPE ("d" NIL () NIL NIL NIL NIL NIL NIL NIL))',
  '* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET") NIL NIL "7BIT" 1 1))',
  '* 1 FETCH (BODY ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1))',
  "* FLAGS \\Seen",
  "* NEWS 1",
  "* BYE [CLOSED]",
  "NIL",
];
it.each(wrong)("refuses %s", (response) => {
  expect(() => checkResponse(response)).toThrow(/expected/);
});

it("cuts a stream at the ends of responses, not of lines in literals", () => {
  checkStream("* 1 FETCH (BODY[] {6}\r\na\r\nb\r\n)\r\n* 1 EXISTS\r\n");
  expect(() => checkStream("* 1 EXISTS\r\n* OK")).toThrow("without its end");
  checkStream("* 1 EXISTS\r\n* OK", { isCut: true });
});
