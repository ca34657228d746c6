/**
 * Whole POP3 sessions, any octets: the plugin neither breaks nor hangs, every line that it says is one that POP3 has, nothing is removed
 * that was not marked and sealed with QUIT, and the maildrop is let go.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type MemoryPop3, memoryPop3 } from "../../pop3/memory-pop3.ts";
import { pop3Sessions } from "../corpus.ts";
import { hold, shown, type Target } from "../target.ts";

const PATIENCE_TURNS = 20_000;
const login = "USER ann\r\nPASS secret word\r\n";
/** Each of their lines begins with a word that no reply begins with, or with a dot. */
const messages = [
  "|one\r\n\r\n|text\r\n",
  "|two\r\n\r\n.\r\n..\r\n.dot\r\n",
  `|three\r\n\r\n${"|line\r\n".repeat(3000)}`,
];

/** RFC 1939 3, RFC 5034 4; then what stands in CAPA, AUTH and LANG; lines of listings; lines of messages. */
const LINE =
  /^(?:\+OK(?: [^\r\n]*)?|-ERR [^\r\n]+|\+ [A-Za-z0-9+/=]*|\.|(?:TOP|UIDL|RESP-CODES|AUTH-RESP-CODE|PIPELINING|EXPIRE NEVER|UTF8 USER|LANG|USER|SASL PLAIN LOGIN|PLAIN|LOGIN|IMPLEMENTATION Postern)|(?:en|de|i-default) \S+(?: \S+)*|\d+ (?:\d+|id\d+)|\|\w+|\.\.\.?|\.\.dot|)$/;

let servers: readonly MemoryPop3[] = [];

export const target: Target = {
  name: "pop3-conversation",
  inputs: 300,
  corpus: [
    ...pop3Sessions,
    Buffer.from(
      `${login}STAT\r\nLIST\r\nUIDL\r\nRETR 1\r\nRETR 2\r\nTOP 3 2\r\nDELE 1\r\nDELE 3\r\nRSET\r\nDELE 2\r\nQUIT\r\n`,
    ),
    Buffer.from(`${login}RETR 3\r\nRETR 3\r\nDELE 1\r\nDELE 2\r\nDELE 3\r\n`),
  ],
  words: [
    ..."CAPA\r\n|LIST\r\n|LIST |UIDL\r\n|UIDL |RETR 1\r\n|RETR 3\r\n|TOP 3 |TOP 2 0\r\n|DELE 1\r\n|DELE 2\r\n|RSET\r\n|NOOP\r\n|QUIT\r\n|STLS\r\n|UTF8\r\n|LANG de\r\n|LANG\r\n|APOP a b\r\n|AUTH\r\n|AUTH PLAIN\r\n|AUTH LOGIN YW5u\r\n|=|*\r\n".split(
      "|",
    ),
    login,
    `AUTH PLAIN ${Buffer.from("\0ann\0secret word").toString("base64")}\r\n`,
  ],
  async open() {
    servers = [
      memoryPop3({ maxMistakes: 20 }),
      memoryPop3({ maxMistakes: 20, utf8Headers: "refuse", maildrop: "snapshot" }),
    ];
  },
  async run(input, random) {
    const pop3 = random.pick(servers);
    const { inbox, lines } = pop3;
    inbox.messages.clear();
    for (const message of messages) inbox.put(message);
    const faultsBefore = lines.filter(({ level }) => level === "error").length;
    const client = pop3.client();
    if (random.chance(0.9)) await client.until(/\n/);
    for (const chunk of random.cut(input)) {
      client.send(chunk);
      if (random.chance(0.05)) await nextTurn();
    }
    if (random.chance(0.1)) client.destroy();
    else client.end();
    let hasEnded = false;
    void pop3.ended().then(() => {
      hasEnded = true;
    });
    for (let turns = 0; !(hasEnded && client.isEnded); turns++) {
      hold(turns < PATIENCE_TURNS, () => "the session does not end");
      await nextTurn();
    }
    const faults = lines.filter(({ level }) => level === "error");
    hold(faults.length === faultsBefore, () => `a fault in the log: ${JSON.stringify(faults.at(-1))}`);
    hold(inbox.opened === inbox.closed && !inbox.isLocked, () => "the maildrop is not let go");
    checkLines(client.received);
    const removed = messages.length - inbox.messages.size;
    const marked = client.received.match(/^\+OK (?:Marked for deletion|Zum L.*)\r$/gm)?.length ?? 0;
    hold(removed <= marked || client.socket.destroyed, () => `${removed} removed, ${marked} marked`);
    hold(removed === 0 || /QUIT/i.test(input.toString("latin1")), () => `${removed} removed without QUIT`);
  },
};

function checkLines(received: string): void {
  for (const line of received.split("\r\n").slice(0, -1)) {
    hold(line.length <= 510, () => `a line of ${line.length + 2} octets`);
    hold(LINE.test(line), () => `no line of POP3: ${shown(line)}`);
  }
}
