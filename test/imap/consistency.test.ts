/** Random commands by several sessions on one mailbox: whatever happens, each session's view is the mailbox's after NOOP. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConsistentClient, type Speaks, sorted } from "./consistent-client.ts";
import { ImapServer } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

const speaking: readonly Speaks[] = ["plain", "condstore", "qresync"];
const flagNames = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "$Work"];
const message = Buffer.from("Subject: one of many\r\n\r\nhello\r\n");

/** `pick` chooses among what the session believes in. */
const step = fc.record({
  session: fc.nat(speaking.length - 1),
  act: fc.constantFrom(
    ...["append", "store", "store", "store", "uid store", "expunge", "uid expunge", "move", "copy"],
    ...["fetch", "noop", "search", "reconnect", "idle"],
  ),
  pick: fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }),
  mode: fc.constantFrom("", "+", "-"),
  isSilent: fc.boolean(),
  flags: fc.subarray(flagNames, { minLength: 1 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What the mailbox is, by UID. */
class Model {
  readonly messages = new Map<number, string>();

  store(uids: readonly number[], { mode, flags }: Pick<Step, "mode" | "flags">): void {
    for (const uid of uids) {
      const before = this.messages.get(uid);
      if (before === undefined) continue;
      const now = new Set(mode === "" ? [] : before.split(" "));
      for (const flag of flags) {
        if (mode === "-") now.delete(flag);
        else now.add(flag);
      }
      this.messages.set(uid, sorted([...now].join(" ")));
    }
  }

  expunge(uids: readonly number[] | null): void {
    for (const [uid, flags] of this.messages)
      if (flags.includes("\\Deleted") && (uids === null || uids.includes(uid))) this.messages.delete(uid);
  }

  get entries(): [number, string][] {
    return [...this.messages].sort(([a], [b]) => a - b);
  }
}

const picked = (client: ConsistentClient, pick: readonly number[]): number[] => [
  ...new Set(pick.map((value) => value % client.messages.length)),
];

async function act(
  client: ConsistentClient,
  model: Model,
  { act: what, pick, mode, isSilent, flags }: Step,
): Promise<void> {
  if (what === "noop") return void (await client.run("NOOP"));
  if (what === "reconnect") {
    await client.open();
    if (client.speaks === "qresync") expect(client.cached).toEqual(model.entries);
    return;
  }
  if (what === "append") {
    const tagged = await client.run(`APPEND ${mailboxOf(client)} (${flags.join(" ")})`, message);
    const uid = Number(/APPENDUID \d+ (\d+)/.exec(tagged)?.[1]);
    model.messages.set(uid, sorted(flags.join(" ")));
    return client.learn();
  }
  if (what === "expunge") {
    await client.run("EXPUNGE");
    return model.expunge(null);
  }
  await client.learn();
  if (client.messages.length === 0) return;
  const indexes = picked(client, pick);
  const numbers = indexes.map((index) => index + 1).join(",");
  const uids = indexes.map((index) => client.messages[index]?.uid ?? 0);
  const silent = isSilent ? ".SILENT" : "";
  switch (what) {
    case "store": {
      await client.run(`STORE ${numbers} ${mode}FLAGS${silent} (${flags.join(" ")})`);
      model.store(uids, { mode, flags });
      return imagine(client, { indexes, isSilent, mode, flags });
    }
    case "uid store": {
      await client.run(`UID STORE ${uids.join(",")} ${mode}FLAGS (${flags.join(" ")})`);
      return model.store(uids, { mode, flags });
    }
    case "uid expunge": {
      await client.run(`UID EXPUNGE ${uids.join(",")}`);
      return model.expunge(uids);
    }
    case "move": {
      await client.run(`UID MOVE ${uids.join(",")} Other`);
      for (const uid of uids) model.messages.delete(uid);
      return;
    }
    case "copy": {
      const tagged = await client.run(`UID COPY ${uids.join(",")} ${mailboxOf(client)}`);
      const [, from = "", to = ""] = /COPYUID \d+ (\S+) (\S+)\]/.exec(tagged) ?? [];
      const copies = expand(to);
      for (const [index, uid] of expand(from).entries())
        model.messages.set(copies[index] ?? 0, model.messages.get(uid) ?? "");
      return client.learn();
    }
    case "fetch":
      return void (await client.run(`FETCH ${numbers} (UID FLAGS)`));
    case "search":
      return void (await client.run("SEARCH ALL"));
    default: {
      // An idle that ends at once tells what there is.
      return void (await client.run("IDLE\r\nDONE"));
    }
  }
}

/** RFC 3501 6.4.6: after .SILENT the client works out what it is not told. The server tells it where that would be wrong. */
function imagine(
  client: ConsistentClient,
  { indexes, isSilent, mode, flags }: { indexes: readonly number[] } & Pick<Step, "isSilent" | "mode" | "flags">,
): void {
  if (isSilent) client.imagine(indexes, { mode, flags });
}

const expand = (set: string): number[] =>
  set
    .split(",")
    .filter((piece) => piece !== "")
    .flatMap((piece) => {
      const [first = 0, last = first] = piece.split(":").map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });

const mailboxOf = (client: ConsistentClient): string => client.mailbox;

describe("several sessions on one mailbox", () => {
  let server: ImapServer;
  let admin: RawClient;
  let runs = 0;
  beforeAll(async () => {
    server = await ImapServer.start();
    admin = await RawClient.login(server.port);
    await admin.ok("CREATE Other");
  });
  afterAll(async () => {
    admin.destroy();
    await server.stop();
    expect(server.logLines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("each see the mailbox as it is after NOOP, and never another message under a number", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const mailbox = `Run${++runs}`;
        await admin.ok(`CREATE ${mailbox}`);
        const clients = speaking.map((speaks) => new ConsistentClient(server.port, mailbox, speaks));
        const model = new Model();
        try {
          for (const client of clients) await client.open();
          for (const each of steps) await act(clients[each.session] as ConsistentClient, model, each);
          for (const client of clients) {
            await client.run("NOOP");
            await client.learn();
            expect(client.messages).toEqual(model.entries.map(([uid, flags]) => ({ uid, flags })));
          }
        } finally {
          for (const client of clients) client.close();
        }
      }),
      { numRuns: 25 },
    );
  });

  it("agree with whoever comes later when they all act at once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const mailbox = `Run${++runs}`;
        await admin.ok(`CREATE ${mailbox}`);
        const clients = speaking.map((speaks) => new ConsistentClient(server.port, mailbox, speaks));
        const late = new ConsistentClient(server.port, mailbox, "plain");
        try {
          for (const client of clients) await client.open();
          await Promise.all(
            clients.map(async (client, index) => {
              // What it does to a model is of no interest: nobody can say what the order was.
              for (const each of steps) {
                if (each.session !== index) continue;
                if (each.act === "reconnect") await client.open();
                else await act(client, new Model(), each);
              }
            }),
          );
          for (const client of clients) {
            await client.run("NOOP");
            await client.learn();
          }
          await late.open();
          for (const client of clients) expect(client.messages).toEqual(late.messages);
          const back = clients[2] as ConsistentClient;
          await back.open();
          expect(back.cached).toEqual(late.messages.map(({ uid, flags }) => [uid, flags]));
        } finally {
          for (const client of [...clients, late]) client.close();
        }
      }),
      { numRuns: 25 },
    );
  });
});
