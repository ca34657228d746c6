/**
 * Every verb in every state, right order or wrong: what is answered, and that the state behind it is the one that the RFCs say.
 * The table is the specification; a verb or a state that is missing in it fails.
 */
import { describe, expect, it, onTestFinished } from "vitest";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../testing/smtp-front.ts";
import { smtpPeers } from "./peers.ts";
import { findVerb } from "./phases/verbs.ts";

/** How a session gets there, line by line. */
const ways = {
  "before EHLO": [],
  "behind EHLO": ["EHLO client.example.net"],
  "behind HELO": ["HELO client.example.net"],
  "behind AUTH": ["EHLO client.example.net", "AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAc2VjcmV0"],
  "behind MAIL": ["EHLO client.example.net", "MAIL FROM:<a@example.net>"],
  "behind a refused RCPT": ["EHLO client.example.net", "MAIL FROM:<a@example.net>", "RCPT TO:<nobody@example.org>"],
  "behind RCPT": ["EHLO client.example.net", "MAIL FROM:<a@example.net>", "RCPT TO:<user@example.org>"],
  "behind BDAT": [
    "EHLO client.example.net",
    "MAIL FROM:<a@example.net>",
    "RCPT TO:<user@example.org>",
    "BDAT 4\r\nab\r\n",
  ],
} as const;
type State = keyof typeof ways;

/** A line of the verb that would be right in its place. `*`: the state does not matter. */
const table: Readonly<Record<string, { readonly say: string } & Partial<Record<State | "*", string>>>> = {
  EHLO: { say: "EHLO client.example.net", "*": "250" },
  HELO: { say: "HELO client.example.net", "*": "250" },
  LHLO: { say: "LHLO client.example.net", "*": "500" },
  STARTTLS: { say: "STARTTLS", "*": "502" },
  AUTH: {
    say: "AUTH PLAIN AHVzZXJAZXhhbXBsZS5vcmcAc2VjcmV0",
    "before EHLO": "503",
    "behind EHLO": "235",
    "behind HELO": "235",
    "*": "503",
  },
  MAIL: {
    say: "MAIL FROM:<a@example.net>",
    "behind EHLO": "250",
    "behind HELO": "250",
    "behind AUTH": "250",
    "*": "503",
  },
  RCPT: {
    say: "RCPT TO:<user@example.org>",
    "behind MAIL": "250",
    "behind RCPT": "250",
    "behind a refused RCPT": "250",
    "*": "503",
  },
  DATA: { say: "DATA", "behind RCPT": "354", "behind a refused RCPT": "554", "*": "503" },
  BDAT: {
    say: "BDAT 4 LAST\r\ncd\r\n",
    "behind RCPT": "250",
    "behind BDAT": "250",
    "behind a refused RCPT": "554",
    "*": "503",
  },
  RSET: { say: "RSET", "*": "250" },
  NOOP: { say: "NOOP", "*": "250" },
  QUIT: { say: "QUIT", "*": "221" },
  VRFY: { say: "VRFY user", "*": "252" },
  HELP: { say: "HELP", "*": "214" },
  EXPN: { say: "EXPN list", "*": "502" },
  ETRN: { say: "ETRN example.com", "*": "502" },
  TURN: { say: "TURN", "*": "502" },
  SEND: { say: "SEND FROM:<a@example.net>", "*": "502" },
  SOML: { say: "SOML FROM:<a@example.net>", "*": "502" },
  SAML: { say: "SAML FROM:<a@example.net>", "*": "502" },
  XCLIENT: {
    say: "XCLIENT ADDR=192.0.2.1",
    "behind MAIL": "503",
    "behind RCPT": "503",
    "behind a refused RCPT": "503",
    "behind BDAT": "503",
    "*": "220",
  },
  XFORWARD: {
    say: "XFORWARD ADDR=192.0.2.1",
    "behind MAIL": "503",
    "behind RCPT": "503",
    "behind a refused RCPT": "503",
    "behind BDAT": "503",
    "*": "250",
  },
  XYZZY: { say: "XYZZY", "*": "500" },
};

/** What forgets a transaction, and what ends the greeting as well. */
const forgets = new Set(["EHLO", "HELO", "RSET"]);
const inTransaction: ReadonlySet<State> = new Set([
  "behind MAIL",
  "behind a refused RCPT",
  "behind RCPT",
  "behind BDAT",
]);

async function opened(): Promise<{ readonly client: RawClient; readonly server: SmtpTestServer }> {
  const peers = smtpPeers({
    from: null,
    xclient: ["127.0.0.1"],
    xforward: ["127.0.0.1"],
    vrfy: "off",
    etrn: "off",
    etrnDomains: null,
  });
  const server = await smtpTestServer({ plugins: [fixture], config: { peers } });
  onTestFinished(() => server.close());
  const client = await RawClient.open(server.port);
  onTestFinished(() => void client.socket.destroy());
  await client.until(/^220 .*\r\n/);
  return { client, server };
}

/** One line, or a command with its octets. */
async function say(client: RawClient, text: string): Promise<string> {
  if (!text.includes("\r\n")) return client.say(text);
  client.send(text);
  return (await client.until(/^\d{3} .*\r\n/m)).trimEnd();
}

const states = Object.keys(ways) as State[];
const cases = Object.keys(table).flatMap((verb) => states.map((state) => [verb, state] as const));

describe("a verb in a state", () => {
  it.each(cases)("%s %s", async (verb, state) => {
    const row = table[verb];
    if (row === undefined) throw new Error("no row");
    const { client, server } = await opened();
    for (const line of ways[state]) await say(client, line);
    const expected = row[state] ?? row["*"];
    const answer = await say(client, row.say);
    expect(answer.slice(0, 3)).toBe(expected);
    if (expected === "221") {
      await client.closed();
      return;
    }
    if (expected === "354") {
      expect(await client.say("Subject: x\r\n\r\nbody\r\n.")).toMatch(/^250/);
      expect(server.accepted).toHaveLength(1);
      return;
    }
    const isLast = verb === "BDAT" && answer.startsWith("250");
    expect(server.accepted).toHaveLength(isLast ? 1 : 0);
    // Where the session is now, told by DATA: nothing else was remembered or forgotten.
    const isOpen = inTransaction.has(state) && !forgets.has(verb) && !isLast;
    const after = await client.say("DATA");
    if (verb === "MAIL" && expected === "250") expect(after).toBe("503 5.5.1 Need RCPT first");
    else if (verb === "RCPT" && expected === "250") expect(after).toMatch(/^354/);
    else if (!isOpen) expect(after).toBe("503 5.5.1 Need MAIL first");
    else if (state === "behind MAIL") expect(after).toBe("503 5.5.1 Need RCPT first");
    else if (state === "behind a refused RCPT") expect(after).toBe("554 5.5.1 No valid recipients");
    else if (state === "behind BDAT") expect(after).toBe("503 5.5.1 DATA cannot follow BDAT in the same transaction");
    else expect(after).toMatch(/^354/);
  });

  it.each(states)("all of them at once, pipelined, %s: a reply for each, in order", async (state) => {
    const { client } = await opened();
    for (const line of ways[state]) await say(client, line);
    // In an order that ends no session and opens no content.
    const verbs = ["NOOP", "HELP", "VRFY", "EXPN", "TURN", "XYZZY", "RSET", "RCPT", "MAIL", "NOOP"];
    client.send(verbs.map((verb) => `${table[verb]?.say ?? ""}\r\n`).join(""));
    const replies: string[] = [];
    for (const _ of verbs) replies.push((await client.until(/^\d{3} .*\r\n/m)).trimEnd().split("\r\n").at(-1) ?? "");
    const mail = state === "before EHLO" ? "503" : "250";
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual([
      ...["250", "214", "252", "502", "502", "500", "250", "503"],
      mail,
      "250",
    ]);
  });
});

it("knows every verb that the table has, and no other", () => {
  const known = Object.keys(table).filter((verb) => findVerb(verb) !== undefined);
  expect(known).toEqual(Object.keys(table).filter((verb) => verb !== "XYZZY"));
  expect(Object.values(table).every((row) => states.every((state) => (row[state] ?? row["*"]) !== undefined))).toBe(
    true,
  );
});
