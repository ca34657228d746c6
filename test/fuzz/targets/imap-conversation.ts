/**
 * Whole IMAP sessions over real sockets, any octets, cut anywhere: the server neither breaks nor hangs, whatever it says is a response that
 * IMAP has, nothing is faulty in its log, and no connection stays.
 */
import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { ImapServer } from "../../imap/imap-server.ts";
import { checkStream } from "../../imap/response-grammar.ts";
import { imapSessions } from "../corpus.ts";
import { hold, type Target } from "../target.ts";

const login = "l LOGIN ann secret\r\n";
const message = "Subject: x\r\n\r\nbody\r\n";
/** From here on it is no clear text. */
const turn = /^\S+ OK (?:Begin TLS|Compression is on)[^\r\n]*\r\n/m;

let server: ImapServer;

export const target: Target = {
  name: "imap-conversation",
  inputs: 60,
  corpus: [
    ...imapSessions,
    Buffer.from(
      `${login}a APPEND INBOX (\\Seen) {${message.length}+}\r\n${message} {${message.length}+}\r\n${message}\r\nb SELECT INBOX\r\nc FETCH 1:* (FLAGS BODY.PEEK[])\r\nd APPEND INBOX CATENATE (URL ";UID=1" TEXT {3+}\r\nabc)\r\ne REPLACE 1 INBOX {3}\r\nabc\r\nf SEARCH TEXT {1}\r\nx\r\ng LOGOUT\r\n`,
    ),
    Buffer.from(
      `${login}a ENABLE UTF8=ACCEPT QRESYNC IMAP4rev2\r\nb SELECT INBOX (QRESYNC (1 1))\r\nc UID STORE 1:* (UNCHANGEDSINCE 5) +FLAGS (x)\r\nd IDLE\r\nDONE\r\ne COMPRESS DEFLATE\r\n`,
    ),
  ],
  words: [
    ...'{0}\r\n|{1+}\r\n|{3}\r\nabc|~{2+}\r\n|{99999999999}\r\n|{4294967296+}\r\n|(|)|"|\\|%|*|[|]|<0.1>|4294967295|0|1:*|\xff|\0|NIL|UID |FETCH 1 |(FLAGS BODY[1.2.HEADER.FIELDS (A)]<1.2>)|CATENATE (|URL "/INBOX/;UID=1"|TEXT |UTF8 (|DONE\r\n|IDLE\r\n|SELECT INBOX\r\n|SEARCH OR NOT ALL |SORT (DATE) UTF-8 |THREAD REFERENCES UTF-8 |LIST (SUBSCRIBED) "" ("%" "*") RETURN (STATUS (MESSAGES))|STATUS INBOX (MESSAGES)|COMPRESS DEFLATE\r\n|STARTTLS\r\n|AUTHENTICATE PLAIN\r\n|LOGOUT\r\n'.split(
      "|",
    ),
    "\r\na ",
    login,
  ],
  async open() {
    server = await ImapServer.start({ maxMessageSize: 100_000, sendTimeout: 60_000 });
  },
  close: () => server.stop(),
  async run(input, random) {
    const faultsBefore = server.logLines.filter(({ level }) => level === "error").length;
    const socket = connect(server.port, "127.0.0.1");
    let received = "";
    socket.on("data", (piece: Buffer) => {
      received += piece.toString("latin1");
    });
    const closed = new Promise<void>((resolve) => socket.on("error", () => undefined).on("close", () => resolve()));
    if (random.chance(0.8)) socket.write(login);
    for (const chunk of random.cut(input)) {
      socket.write(chunk);
      if (random.chance(0.05)) await nextTurn();
    }
    if (random.chance(0.1)) socket.destroy();
    else socket.end();
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), 60_000);
    });
    hold((await Promise.race([closed.then(() => false), tooLong])) === false, () => "the session does not end");
    while (server.connections > 0 && (await Promise.race([nextTurn(false), tooLong])) === false);
    clearTimeout(timer);
    hold(server.connections === 0, () => "the connection is not let go");
    const faults = server.logLines.filter(({ level }) => level === "error");
    hold(
      faults.length === faultsBefore,
      () => `a fault in the log: ${JSON.stringify(faults.at(-1))} ${String(faults.at(-1)?.fields.err)}`,
    );
    const end = turn.exec(received);
    checkStream(end ? received.slice(0, end.index + end[0].length) : received, { isCut: true });
  },
};
