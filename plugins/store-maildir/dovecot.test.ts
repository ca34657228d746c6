/** A Maildir goes from Dovecot to us and back, several times, and lives with both at once: no UID changes, and Dovecot's log stays empty. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Layout } from "./folder-name.ts";
import { Dovecot, type DovecotWishes, isDovecotHere, owner } from "./testing/dovecot.ts";
import { RemoteStore, type Seen } from "./testing/remote-store.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const layout = (kind: Layout["kind"], encoding: Layout["encoding"], mark = ""): Layout => ({ kind, encoding, mark });
const bySubject = ({ messages }: Seen) => messages.map(({ subject, flags }) => `${subject} ${flags.join(" ")}`).sort();

describe.skipIf(!isDovecotHere)("with Dovecot", () => {
  let ours: RemoteStore;
  let dovecot: Dovecot;
  beforeAll(async () => {
    ours = new RemoteStore(owner);
    await ours.ready;
  });
  afterAll(() => ours.stop());
  afterEach(() => dovecot.stop());

  async function start(wishes: DovecotWishes, options: { layout?: Layout; uniqueIds?: string } = {}): Promise<void> {
    dovecot = new Dovecot(wishes);
    await ours.ask({ do: "use", home: dovecot.home, options });
  }

  /** Both see the same, in a new session of each. */
  async function agree(box: string, quoted = `"${box}"`): Promise<Seen> {
    const session = await dovecot.imap();
    const theirs = await session.seen(quoted);
    await session.end();
    await ours.ask({ do: "close", box });
    const own = await ours.seen(box);
    expect(own).toEqual(theirs);
    expect(dovecot.complaints).toEqual([]);
    return own;
  }

  it.each([
    ["Maildir++", "", layout("maildir++", "utf-7"), "Lists/Node", "Lists/&ANw-mlaut"],
    ["Maildir++ with names in UTF-8", ":UTF-8", layout("maildir++", "utf-8"), "Lists/Node", "Lists/&ANw-mlaut"],
    ["fs", ":LAYOUT=fs", layout("fs", "utf-7"), "Lists/a.b", "Lists/&ANw-mlaut"],
    ["fs with names in UTF-8", ":LAYOUT=fs:UTF-8", layout("fs", "utf-8"), "Lists/a.b", "Lists/&ANw-mlaut"],
  ] as const)("%s: to and fro, four rounds of everything that either can do", async (_, location, on, box, other) => {
    await start({ location }, { layout: on });
    const otherName = "Lists/Ümlaut";
    const theirs = await dovecot.imap();
    await theirs.command(`CREATE "${box}"`);
    await theirs.command(`SUBSCRIBE "${box}"`);
    const meaning = new Map<string, string>();
    let validity = 0;
    for (let round = 0; round < 4; round++) {
      await theirs.append("INBOX", `their ${round}`, ["\\Seen", `Theirs${round}`]);
      const doomed = await theirs.append("INBOX", `their doomed ${round}`);
      await ours.ask({
        do: "append",
        box: "INBOX",
        subjects: [`own ${round}`, `doomed ${round}`],
        flags: [`Own${round}`],
      });
      await ours.ask({ do: "deliver", box: "INBOX", subject: `delivered ${round}` });
      await theirs.command("SELECT INBOX");
      await theirs.command(`UID STORE ${doomed} +FLAGS (\\Deleted)`);
      await theirs.command("EXPUNGE");
      const { messages } = await ours.seen("INBOX");
      const own = messages.filter(({ subject }) => subject === `doomed ${round}`).map(({ uid }) => uid);
      await ours.ask({ do: "flag", box: "INBOX", uids: own, mode: "add", flags: ["\\Deleted"] });
      expect(await ours.ask({ do: "expunge", box: "INBOX", uids: null })).toEqual(own);
      const first = messages[0]?.uid ?? 0;
      await theirs.command("NOOP");
      await theirs.command(`UID STORE ${first} +FLAGS (\\Flagged Theirs9)`);
      await ours.ask({ do: "flag", box: "INBOX", uids: [first], mode: "add", flags: ["\\Answered"] });
      await theirs.command(`UID COPY ${first} "${box}"`);
      await ours.ask({ do: "copy", box: "INBOX", uids: [first], to: box });
      await theirs.command(`UID MOVE ${(await agree("INBOX")).messages.at(-1)?.uid} "${box}"`);
      await ours.ask({ do: "move", box: "INBOX", uids: [(await agree("INBOX")).messages.at(-1)?.uid ?? 0], to: box });

      if (round % 2 === 0) {
        await ours.ask({ do: "create", box: otherName });
        await ours.ask({ do: "append", box: otherName, subjects: ["in it"], flags: [] });
        await ours.ask({ do: "subscribe", box: otherName, isSubscribed: true });
        await ours.ask({ do: "rename", box: "Lists", to: `Moved${round}` });
        await theirs.command(`RENAME "Moved${round}" "Lists"`);
      } else {
        await agree(otherName, `"${other}"`);
        await theirs.command(`RENAME "${other}" "Gone"`);
        await ours.ask({ do: "subscribe", box: otherName, isSubscribed: false });
        await ours.ask({ do: "delete", box: "Gone" });
      }
      const all = await ours.ask<{ name: string; isSubscribed: boolean }[]>({ do: "list" });
      const list = await theirs.command('LIST "" *');
      expect(all.map(({ name }) => name.replace("Ü", "&ANw-")).sort()).toEqual(
        [...list.matchAll(/^\* LIST .* "\/" "?(.*?)"?\r$/gm)].map(([, name = ""]) => name).sort(),
      );
      const subscribed = await theirs.command('LSUB "" *');
      const names = all.filter((one) => one.isSubscribed).map(({ name }) => name.replace("Ü", "&ANw-"));
      expect(names.sort()).toEqual(
        [...subscribed.matchAll(/^\* LSUB \(\) "\/" "?(.*?)"?\r$/gm)].map(([, name = ""]) => name).sort(),
      );
      await agree(box);
      const inbox = await agree("INBOX");
      validity ||= inbox.uidValidity;
      expect(inbox.uidValidity).toBe(validity);
      for (const { uid, subject } of inbox.messages) {
        expect([uid, meaning.get(String(uid)) ?? subject]).toEqual([uid, subject]);
        meaning.set(String(uid), subject);
      }
    }
    expect(dovecot.complaints).toEqual([]);
  });

  it("changes the flags of very many messages while Dovecot changes others of the same, and neither loses any", async () => {
    await start({ location: "" });
    const subjects = Array.from({ length: 150 }, (_, index) => `m${index + 1}`);
    await ours.ask({ do: "append", box: "INBOX", subjects, flags: ["\\Draft"] });
    const theirs = await dovecot.imap();
    await theirs.command("SELECT INBOX");
    const uids = subjects.map((_, index) => index + 1);
    for (let round = 0; round < 3; round++) {
      const [mode, sign] = round % 2 ? (["remove", "-"] as const) : (["add", "+"] as const);
      await Promise.all([
        ours.ask({ do: "flag", box: "INBOX", uids, mode, flags: ["\\Flagged", "Ours"] }),
        theirs.command(`STORE 1:* ${sign}FLAGS.SILENT (\\Answered Theirs)`),
      ]);
      // First what the session was told; then all names are what they are to be.
      await ours.seen("INBOX");
      await ours.seen("INBOX");
      await theirs.command("NOOP");
      const flags = round % 2 ? ["\\Draft"] : ["Ours", "Theirs", "\\Answered", "\\Draft", "\\Flagged"];
      const inbox = await agree("INBOX");
      expect(inbox.messages.map((message) => message.flags)).toEqual(uids.map(() => flags));
    }
    // What a killed process has left is nothing to Dovecot, and done when we come.
    const killed = new RemoteStore(owner);
    await killed.ask({ do: "use", home: dovecot.home, options: {} });
    await killed.ask({ do: "flag", box: "INBOX", uids, mode: "replace", flags: ["\\Seen", "Ours"] });
    await killed.stop();
    await theirs.command("NOOP");
    await theirs.append("INBOX", "theirs", ["\\Deleted"]);
    await ours.seen("INBOX");
    const inbox = await agree("INBOX");
    expect(inbox.messages.slice(0, -1).map(({ flags }) => flags)).toEqual(uids.map(() => ["Ours", "\\Seen"]));
    expect(inbox.messages.at(-1)).toMatchObject({ subject: "theirs", flags: ["\\Deleted"] });
  });

  it("writes names that directories cannot have as Dovecot's plugin listescape does", async () => {
    await start({ settings: { mail_plugins: "listescape" } }, { layout: layout("maildir++", "utf-7", "\\") });
    const theirs = await dovecot.imap();
    await theirs.command('CREATE "a.b/c\\\\d"');
    await theirs.append('"a.b/c\\\\d"', "one");
    await ours.ask({ do: "create", box: "~x/.y" });
    await ours.ask({ do: "append", box: "~x/.y", subjects: ["two"], flags: [] });
    await ours.ask({ do: "subscribe", box: "~x/.y", isSubscribed: true });
    const all = await ours.ask<{ name: string; isSubscribed: boolean }[]>({ do: "list" });
    expect(all.map(({ name }) => name)).toEqual(["INBOX", "a.b", "a.b/c\\d", "~x", "~x/.y"]);
    await agree("~x/.y");
    await agree("a.b/c\\d", '"a.b/c\\\\d"');
  });

  it.each(["%08Xu%08Xv", "%v.%u", "%f", "%g", "%Xv-%08u"])(
    "gives the unique-ids of POP3 that Dovecot gives: %s",
    async (format) => {
      await start({ settings: { pop3_uidl_format: format } }, { uniqueIds: format });
      const theirs = await dovecot.imap();
      await theirs.append("INBOX", "one");
      await ours.ask({ do: "append", box: "INBOX", subjects: ["two", "three"], flags: ["\\Seen"] });
      await ours.ask({ do: "deliver", box: "INBOX", subject: `${"long ".repeat(20)}` });
      await theirs.append("INBOX", "five");
      await agree("INBOX");
      expect(await ours.ask({ do: "uniqueIds" })).toEqual(await dovecot.uniqueIds());
      expect(dovecot.complaints).toEqual([]);
    },
  );

  it("keeps the unique-ids that messages were given before, whatever the format says, and the fields of the list", async () => {
    await start({ settings: { pop3_uidl_format: "%u" } }, { uniqueIds: "%u" });
    const theirs = await dovecot.imap();
    for (const subject of ["one", "two", "three"]) await theirs.append("INBOX", subject);
    await theirs.end();
    const list = join(dovecot.home, "Maildir/dovecot-uidlist");
    const [header = "", first = "", second = "", third = ""] = readFileSync(list, "utf8").split("\n");
    const lines = [
      `${header} Xother`,
      first.replace(":", "Pold-id W30 :"),
      second.replace(":", "P Gguid :"),
      third,
      "",
    ];
    writeFileSync(list, lines.join("\n"));
    const expected = ["old-id", /:(.*)/.exec(second)?.[1], "3", "4"];
    await ours.ask({ do: "append", box: "INBOX", subjects: ["four"], flags: [] });
    expect(await ours.ask({ do: "uniqueIds" })).toEqual(expected);
    expect(await dovecot.uniqueIds()).toEqual(expected);
    // Enough goes for the list to be written anew.
    const subjects = Array.from({ length: 300 }, (_, index) => `m${index}`);
    const { uids } = await ours.ask<{ uids: number[] }>({ do: "append", box: "INBOX", subjects, flags: ["\\Deleted"] });
    await ours.ask({ do: "expunge", box: "INBOX", uids });
    await ours.ask({ do: "append", box: "INBOX", subjects: ["five"], flags: [] });
    const written = readFileSync(list, "utf8").split("\n");
    expect(written).toEqual([
      expect.stringMatching(/^3 V\d+ N306 G[0-9a-f]{32} Xother$/),
      ...lines.slice(1, 4),
      expect.stringMatching(/^4 :/),
      expect.stringMatching(/^305 :/),
      "",
    ]);
    await agree("INBOX");
    expect(await dovecot.uniqueIds()).toEqual([...expected, "305"]);
    expect(dovecot.complaints).toEqual([]);
  });

  it("shares a mailbox with Dovecot while both change it: nothing is lost or double, flags of both hold", async () => {
    await start({});
    const theirs = await Promise.all([dovecot.imap(), dovecot.imap()]);
    await theirs[0].append("INBOX", "first");
    await theirs[0].command("CREATE Other");
    for (const session of theirs) await session.command("SELECT INBOX");
    /** Subjects that must be there, with the UID that was given. */
    const kept = new Map<string, number>();
    const gone = new Set<string>();
    const steps = 40;
    const dovecotWorks = theirs.map(async (session, who) => {
      for (let step = 0; step < steps; step++) {
        const subject = `d${who}-${step}`;
        const uid = await session.append("INBOX", subject, step % 3 === 0 ? ["\\Seen"] : []);
        await session.command("NOOP");
        await session.command(`UID STORE ${uid} +FLAGS (\\Flagged D${who})`);
        if (step % 5 === 4) {
          await session.command(`UID STORE ${uid} +FLAGS (\\Deleted)`);
          await session.command(`UID EXPUNGE ${uid}`);
          gone.add(subject);
        } else kept.set(subject, uid);
        // Everything that is there gets a flag, also what others are renaming just now.
        if (step % 4 === who) await session.command("STORE 1:* +FLAGS.SILENT (\\Answered)");
      }
    });
    const ownWork = (async () => {
      for (let step = 0; step < steps; step++) {
        const subjects = [`o${step}a`, `o${step}b`];
        const { uids } = await ours.ask<{ uids: number[] }>({ do: "append", box: "INBOX", subjects, flags: [] });
        await ours.ask({ do: "deliver", box: "INBOX", subject: `o${step}c` });
        const [first = 0, second = 0] = uids;
        await ours.ask({ do: "flag", box: "INBOX", uids, mode: "add", flags: ["\\Draft", "Own"] });
        kept.set(`o${step}a`, first);
        kept.set(`o${step}c`, 0);
        if (step % 3 === 2) {
          await ours.ask({ do: "move", box: "INBOX", uids: [second], to: "Other" });
          gone.add(`o${step}b`);
        } else if (step % 3 === 1) {
          await ours.ask({ do: "flag", box: "INBOX", uids: [second], mode: "add", flags: ["\\Deleted"] });
          await ours.ask({ do: "expunge", box: "INBOX", uids: [second] });
          gone.add(`o${step}b`);
        } else kept.set(`o${step}b`, second);
      }
    })();
    await Promise.all([...dovecotWorks, ownWork]);

    const { messages } = await agree("INBOX");
    const found = new Map(messages.map((one) => [one.subject, one]));
    expect(found.size).toBe(messages.length);
    expect([...found.keys()].sort()).toEqual([...kept.keys(), "first"].sort());
    for (const [subject, uid] of kept) {
      const { uid: its = 0, flags = [] } = found.get(subject) ?? {};
      if (uid !== 0) expect([subject, its]).toEqual([subject, uid]);
      if (subject.startsWith("d")) expect(flags).toEqual(expect.arrayContaining(["\\Flagged", `D${subject[1]}`]));
      else if (!subject.endsWith("c")) expect(flags).toEqual(expect.arrayContaining(["\\Draft", "Own"]));
    }
    const moved = await agree("Other");
    expect(moved.messages.map(({ subject }) => subject)).toEqual(
      [...gone].filter((subject) => /^o\d+b$/.test(subject) && Number(/\d+/.exec(subject)) % 3 === 2),
    );
    expect(dovecot.complaints).toEqual([]);
    expect(ours.errors).toBe("");
  });

  it("sees at once, in an open session, what the other did, and the other way round", async () => {
    await start({});
    const theirs = await dovecot.imap();
    await theirs.append("INBOX", "one");
    await theirs.command("SELECT INBOX");
    await ours.seen("INBOX");
    for (let round = 0; round < 5; round++) {
      const { uids } = await ours.ask<{ uids: number[] }>({
        do: "append",
        box: "INBOX",
        subjects: [`r${round}`],
        flags: ["\\Seen"],
      });
      expect(await theirs.command("NOOP")).toContain(`* ${round + 2} EXISTS`);
      await theirs.command(`UID STORE ${uids[0]} FLAGS (\\Draft K${round})`);
      expect((await ours.seen("INBOX")).messages.at(-1)?.flags).toEqual([`K${round}`, "\\Draft"].sort());
      await ours.ask({ do: "flag", box: "INBOX", uids, mode: "remove", flags: ["\\Draft"] });
      const said = await theirs.command("NOOP");
      expect(said).toMatch(/FETCH \(.*FLAGS \(/);
      expect(said).not.toContain("Draft");
    }
    expect(bySubject(await agree("INBOX"))).toHaveLength(6);
  });
});
