/** Maildrops of 100,000 messages: listings stream, and a client that does not read costs no memory. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { MessageEntry } from "../../core/contracts/mailbox-store.ts";
import { memoryPop3, snapshotOf } from "./memory-pop3.ts";

const COUNT = 100_000;
const none: ReadonlySet<string> = new Set();
const entries: readonly MessageEntry[] = Array.from({ length: COUNT }, (_, index) => ({
  ...{ uid: index + 1, flags: none, modseq: 1, internalDate: 0, saveDate: null },
  sizeBytes: 1000 + index,
}));
const octets = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

describe("100,000 messages", () => {
  it("are counted and listed, without those marked as deleted", async () => {
    const pop3 = memoryPop3();
    pop3.inbox.show(snapshotOf(entries));
    const client = await pop3.loggedIn();
    client.send(`STAT\r\nDELE 5\r\nDELE ${COUNT}\r\nLIST\r\nUIDL\r\nNOOP\r\n`);
    const text = await client.until(/Still here/);
    expect(text).toContain(`+OK ${COUNT} ${octets}\r\n`);
    const left = octets - 1004 - (1000 + COUNT - 1);
    expect(text).toContain(`+OK ${COUNT - 2} messages (${left} octets)\r\n`);
    const [, list = "", ids = ""] = text.split(/\+OK 99998.*\r\n|\+OK Unique-ids\r\n/);
    const listed = list.split("\r\n").slice(0, -2);
    expect(listed).toHaveLength(COUNT - 2);
    expect(listed.slice(3, 6)).toEqual(["4 1003", "6 1005", "7 1006"]);
    const identified = ids.split("\r\n").slice(0, -3);
    expect(identified).toHaveLength(COUNT - 2);
    expect(identified.at(-1)).toBe(`${COUNT - 1} id${COUNT - 2}`);
    client.destroy();
  });

  it("wait for a client that does not read, whatever it asks for", async () => {
    const pop3 = memoryPop3();
    pop3.inbox.show(snapshotOf(entries));
    const client = pop3.client({ reads: false });
    client.send(`USER ann\r\nPASS secret word\r\n${"LIST\r\nUIDL\r\n".repeat(100)}`);
    while (client.server.writableLength < 10_000) await nextTurn();
    for (let turn = 0; turn < 300; turn++) await nextTurn();
    expect(client.server.writableLength).toBeLessThan(100_000);
    client.read();
    await client.until(/\r\n\.\r\n/);
    client.destroy();
    await pop3.ended();
    expect(pop3.inbox.isLocked).toBe(false);
  });

  it("let other sessions be served in between", async () => {
    const pop3 = memoryPop3({ maildrop: "snapshot" });
    pop3.inbox.show(snapshotOf(entries));
    const [busy, other] = [await pop3.loggedIn(), await pop3.loggedIn()];
    busy.send(`${"LIST\r\n".repeat(10)}NOOP\r\n`);
    other.send("NOOP\r\n");
    await other.until(/Still here/);
    expect(busy.received).not.toContain("Still here");
    busy.destroy();
    other.destroy();
  });
});
