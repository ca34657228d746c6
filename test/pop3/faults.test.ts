/** What goes wrong: a store that fails at a chosen place, clients that leave in the middle, two of them at once. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { StoreError } from "../../core/api/plugin.ts";
import { memoryPop3 } from "./memory-pop3.ts";

const large = Buffer.from(`Subject: large\r\n\r\n${"0123456789\r\n".repeat(60_000)}`);

describe("QUIT", () => {
  it.each([
    ["expunge", "cannot be done", "store"],
    ["expunge", "breaks off", "expunge"],
  ] as const)("says so when %s %s", async (_, __, where) => {
    const pop3 = memoryPop3();
    pop3.inbox.put("Subject: a\r\n\r\n");
    const client = await pop3.loggedIn();
    pop3.inbox.onUse = (what) => {
      if (what === where) throw new StoreError("unavailable", "disk");
    };
    client.send("DELE 1\r\nQUIT\r\n");
    expect(await client.closed()).toMatch(/-ERR \[SYS\/TEMP\] Some deleted messages were not removed\r\n$/);
    await pop3.ended();
    expect(pop3.inbox).toMatchObject({ opened: 1, closed: 1, isLocked: false });
    expect(pop3.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it("says so when some of them stay, and removes the others", async () => {
    const pop3 = memoryPop3();
    for (const name of ["a", "b", "c"]) pop3.inbox.put(`Subject: ${name}\r\n\r\n`);
    pop3.inbox.fixed.add(2);
    const client = await pop3.loggedIn();
    client.send("DELE 1\r\nDELE 2\r\nQUIT\r\n");
    expect(await client.closed()).toMatch(/-ERR \[SYS\/TEMP\] Some deleted messages were not removed\r\n$/);
    expect([...pop3.inbox.messages.keys()]).toEqual([2, 3]);
  });

  it("is content with what somebody else has removed", async () => {
    const pop3 = memoryPop3();
    for (const name of ["a", "b"]) pop3.inbox.put(`Subject: ${name}\r\n\r\n`);
    const client = await pop3.loggedIn();
    pop3.inbox.messages.delete(1);
    client.send("DELE 1\r\nDELE 2\r\nQUIT\r\n");
    expect(await client.closed()).toMatch(/\+OK Bye\r\n$/);
  });

  it("does not delete what an answer that never arrived promised", async () => {
    const pop3 = memoryPop3();
    pop3.inbox.put(large);
    const client = await pop3.loggedIn();
    client.socket.pause();
    client.send("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    client.destroy();
    await pop3.ended();
    expect(pop3.inbox.messages.size).toBe(1);
    expect(pop3.inbox).toMatchObject({ closed: 1, isLocked: false });
    expect(pop3.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("RETR", () => {
  it("ends the connection when a message breaks off in the middle, and does not count it as read", async () => {
    const pop3 = memoryPop3();
    pop3.inbox.put(large);
    pop3.inbox.breaksBehind = 100_000;
    const client = await pop3.loggedIn();
    client.send("RETR 1\r\nNOOP\r\n");
    const text = await client.closed();
    expect(text).not.toMatch(/\r\n\.\r\n/);
    expect(text).not.toContain("Still here");
    await pop3.ended();
    expect([...(pop3.inbox.messages.get(1)?.flags ?? [])]).toEqual([]);
    expect(pop3.inbox).toMatchObject({ closed: 1, isLocked: false });
  });

  it.each([
    ["expunged", "-ERR The message is gone"],
    ["noPermission", "-ERR [SYS/PERM] Not permitted"],
    ["unavailable", "-ERR [SYS/TEMP] The mailbox is not available now, try again later"],
    ["corruption", "-ERR [SYS/PERM] The mailbox is damaged"],
  ] as const)("of a message that cannot be read (%s) is answered, and the session goes on", async (code, expected) => {
    const pop3 = memoryPop3();
    pop3.inbox.put("Subject: a\r\n\r\n");
    const client = await pop3.loggedIn();
    pop3.inbox.onUse = () => {
      throw new StoreError(code, "not for clients: /var/mail/ann");
    };
    client.send("RETR 1\r\nTOP 1 0\r\nNOOP\r\n");
    const text = await client.until(/Still here/);
    expect(text.split("\r\n").filter((line) => line === expected)).toHaveLength(2);
    expect(text).not.toContain("/var/mail");
    client.destroy();
  });

  it("of a fault that nobody thought of is answered and logged, once each", async () => {
    const pop3 = memoryPop3();
    pop3.inbox.put("Subject: a\r\n\r\n");
    const client = await pop3.loggedIn();
    pop3.inbox.onUse = () => {
      throw new TypeError("a bug");
    };
    client.send("RETR 1\r\nUIDL\r\nUIDL 1\r\nNOOP\r\n");
    const text = await client.until(/Still here/);
    expect(text.match(/-ERR \[SYS\/TEMP\] Internal error/g)).toHaveLength(3);
    const errors = pop3.lines.filter(({ level }) => level === "error");
    expect(errors.map(({ fields }) => fields.command)).toEqual(["RETR", "UIDL", "UIDL"]);
    client.destroy();
  });
});

describe("a header beyond ASCII", () => {
  const beyond = Buffer.from("Subject: grüße\r\n\r\nhello\r\n");
  const plain = Buffer.from("Subject: gr\r\n\r\ngrüße\r\n");
  const say = async (utf8Headers: "send" | "refuse", commands: string) => {
    const pop3 = memoryPop3({ utf8Headers });
    for (const octets of [beyond, plain, Buffer.concat([beyond, large])]) pop3.inbox.put(octets);
    const client = pop3.client();
    client.send(`${commands}QUIT\r\n`);
    return client.closed();
  };
  const fetchAll = "USER ann\r\nPASS secret word\r\nRETR 1\r\nTOP 1 0\r\nRETR 2\r\nRETR 3\r\n";

  it("is sent as it is if the administrator wants no more", async () => {
    expect(await say("send", fetchAll)).not.toContain("-ERR");
  });

  it("is refused to a client that has not said UTF8, and what is beyond ASCII in a body is not", async () => {
    const text = await say("refuse", fetchAll);
    expect(text.match(/^-ERR \[UTF8\] This message needs UTF8\r$/gm)).toHaveLength(3);
    expect(text).toContain(`+OK ${plain.length} octets`);
  });

  it("is sent to one that has", async () => {
    expect(await say("refuse", `UTF8\r\n${fetchAll}`)).not.toContain("-ERR");
  });
});

describe("before the login", () => {
  it("a client that never ends its line is sent away all the same", async () => {
    const pop3 = memoryPop3({ loginTimeout: 200 });
    const client = pop3.client();
    await client.until(/ready/);
    const drip = setInterval(() => client.send("x"), 20);
    expect(await client.closed()).toMatch(/-ERR Too slow to log in\r\n$/);
    clearInterval(drip);
  });

  it("nobody needs a hundred commands", async () => {
    const pop3 = memoryPop3();
    const client = pop3.client();
    client.send("CAPA\r\n".repeat(5_000));
    const text = await client.closed();
    expect(text.match(/\+OK Capabilities/g)).toHaveLength(100);
    expect(text).toMatch(/-ERR Too many commands before the login\r\n$/);
  });

  it("a login whose client has gone in the meantime holds nothing", async () => {
    const pop3 = memoryPop3();
    const client = pop3.client();
    await client.until(/ready/);
    client.send("USER ann\r\nPASS secret word\r\n");
    client.destroy();
    await pop3.ended();
    expect(pop3.inbox.isLocked).toBe(false);
    expect(pop3.inbox.closed).toBe(pop3.inbox.opened);
  });
});

it("says in the log how a session ended, under the session's id", async () => {
  const pop3 = memoryPop3();
  for (const name of ["a", "b", "c"]) pop3.inbox.put(`Subject: ${name}\r\n\r\n`);
  const client = await pop3.loggedIn();
  client.send("RETR 1\r\nTOP 2 0\r\nDELE 3\r\nQUIT\r\n");
  await client.closed();
  const gone = await pop3.loggedIn();
  gone.send("DELE 1\r\n");
  await gone.until(/Marked/);
  gone.destroy();
  await pop3.ended();
  const octets = "Subject: a\r\n\r\n".length;
  expect(pop3.lines.filter(({ text }) => text.startsWith("session ended"))).toEqual([
    {
      level: "info",
      fields: { session: "S1", ending: "quit", retrieved: 1, retrievedBytes: octets, tops: 1, removed: 1, left: 2 },
      text: "session ended",
    },
    {
      level: "info",
      fields: { session: "S1", ending: "left", retrieved: 0, retrievedBytes: 0, tops: 0, removed: 0, left: 2 },
      text: "session ended, nothing deleted",
    },
  ]);
});
