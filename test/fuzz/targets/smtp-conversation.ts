/**
 * Whole SMTP and LMTP sessions, any octets: the front neither breaks nor hangs, every reply is well-formed, what is promised is
 * what is kept, and there are never more messages than ends of messages.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { definePlugin } from "../../../core/kernel/define.ts";
import { proceed } from "../../../core/kernel/verdicts.ts";
import { keptLog } from "../../../core/testing/kernel.ts";
import { MemoryClient } from "../../../core/testing/memory-client.ts";
import { fixture } from "../../../core/testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../../../core/testing/smtp-front.ts";
import { messages, sessions } from "../corpus.ts";
import { checkKept, checkReplies, idsPromised } from "../smtp-checks.ts";
import { hold, type Target } from "../target.ts";

const roles = ["mx", "submission", "lmtp"] as const;
const PATIENCE_TURNS = 20_000;

/** Verbs that take a turn, so that pipelined octets wait. */
const unhurried = definePlugin({
  name: "policy-unhurried",
  api: 1,
  setup: () => {
    const wait = async () => {
      await nextTurn();
      return proceed;
    };
    return { hooks: { helo: () => proceed, mailFrom: wait, data: wait } };
  },
});

let servers: readonly SmtpTestServer[] = [];
let faults: () => readonly unknown[] = () => [];

const login = `AUTH PLAIN ${Buffer.from("\0user@example.org\0secret").toString("base64")}\r\n`;
const envelope = "MAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nRCPT TO:<picky@example.org>\r\n";
const dataOf = (message: Buffer): Buffer[] => [
  Buffer.from(`EHLO x.example\r\n${login}${envelope}DATA\r\n`),
  Buffer.from(message.toString("latin1").replaceAll("\r\n.", "\r\n.."), "latin1"),
  Buffer.from("\r\n.\r\nNOOP\r\nQUIT\r\n"),
];
const chunksOf = (message: Buffer): Buffer[] => [
  Buffer.from(`LHLO x.example\r\nEHLO x.example\r\n${login}${envelope.replace("t>", "t> BODY=BINARYMIME")}`),
  Buffer.from(`BDAT ${message.length >> 1}\r\n`),
  message.subarray(0, message.length >> 1),
  Buffer.from(`BDAT ${message.length - (message.length >> 1)} LAST\r\n`),
  message.subarray(message.length >> 1),
  Buffer.from("NOOP\r\nQUIT\r\n"),
];

export const target: Target = {
  name: "smtp-conversation",
  inputs: 200,
  corpus: [
    ...sessions,
    ...messages.slice(0, 12).flatMap((message) => [Buffer.concat(dataOf(message)), Buffer.concat(chunksOf(message))]),
  ],
  words: [
    ..."EHLO x\r\n|LHLO x\r\n|MAIL FROM:<a@b.example>\r\n|RCPT TO:<user@example.org>\r\n|DATA\r\n|BDAT 3 LAST\r\n|BDAT 10\r\n|RSET\r\n|QUIT\r\n| BODY=BINARYMIME|STARTTLS\r\n|AUTH LOGIN\r\n|AUTH PLAIN |*\r\n| SMTPUTF8| PRDR|XCLIENT ADDR=1.2.3.4\r\n|NOOP\r\n".split(
      "|",
    ),
    login,
    envelope,
  ],
  async open() {
    const { log, lines } = keptLog();
    faults = () => lines.filter(({ level }) => level === "error");
    const config = { limits: { messageSizeBytes: 30_000, headerFields: 200, bodyLineBytes: 5000 } };
    servers = await Promise.all(
      roles.map((role) => smtpTestServer({ role, plugins: [fixture, unhurried], log, config })),
    );
  },
  async close() {
    for (const server of servers) await server.close();
    servers = [];
  },
  async run(input, random) {
    const server = random.pick(servers);
    const { accepted } = server;
    accepted.length = 0;
    const faultsBefore = faults().length;
    const client = new MemoryClient(server.serve);
    if (random.chance(0.9)) await client.until(/\n/);
    for (const chunk of random.cut(input)) {
      client.send(chunk);
      if (random.chance(0.05)) await nextTurn();
    }
    client.end();
    for (let turns = 0; !client.isEnded; turns++) {
      hold(turns < PATIENCE_TURNS, () => "the session does not end");
      await nextTurn();
    }
    hold(faults().length === faultsBefore, () => `a fault in the log: ${JSON.stringify(faults().at(-1))}`);
    checkReplies(client.received);
    const ids = idsPromised(client.received);
    // Picky's copy of a message that others take is set aside by itself.
    const kept = accepted.filter(({ envelope }) => envelope.hold === null);
    hold(ids.size === kept.length, () => `${ids.size} promised, ${kept.length} kept`);
    const ends = count(client.received, /^354 /gm) + count(input.toString("latin1"), /BDAT +\d+ +LAST/gi);
    hold(kept.length <= ends, () => `${kept.length} messages out of ${ends}`);
    const keptIds = new Set(kept.map(({ envelope }) => envelope.id));
    for (const id of ids) hold(keptIds.has(id), () => `${id} was promised and not kept`);
    for (const each of accepted) checkKept(each);
  },
};

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;
