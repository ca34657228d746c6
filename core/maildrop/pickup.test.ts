import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import {
  chown,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import type { Outcome } from "../contracts/delivery.ts";
import { defer, proceed, reject } from "../kernel/verdicts.ts";
import { reportRefusals } from "../queue/refusal-report.ts";
import { defaultLimits } from "../smtp/config.ts";
import type { Listed } from "../testing/kernel.ts";
import { type MailFlow, type MailFlowInit, openMailFlow, spoolWith, until } from "../testing/mail-flow.ts";
import { directory, hooksPlugin, outcomes, recording } from "../testing/mail-plugins.ts";
import { mailFindings } from "./findings-mail.ts";
import { encodeEnvelope, HEAD, type LeftEnvelope } from "./format.ts";
import { Leaving } from "./leave.ts";
import { missingRecipients } from "./missing-recipients.ts";
import { Pickup } from "./pickup.ts";
import { FRESH_MODE, type MaildropPlaces, prepareMaildrop } from "./places.ts";

const flows: MailFlow[] = [];
const pickups: Pickup[] = [];
afterEach(async () => {
  for (const pickup of pickups.splice(0)) await pickup.stop();
  for (const flow of flows.splice(0).reverse()) await flow.close();
});

const isRoot = process.getuid?.() === 0;
const here = directory(
  "example.org",
  "ann@example.org",
  "ben@example.org",
  "root@example.org",
  "postmaster@example.org",
);

async function drop(): Promise<MaildropPlaces> {
  const root = join(await mkdtemp(join(tmpdir(), "postern-maildrop-")), "maildrop");
  onTestFinished(() => rm(join(root, ".."), { recursive: true, force: true }));
  return prepareMaildrop(root);
}

async function flowOf(plugins: readonly Listed[], more: Partial<MailFlowInit> = {}): Promise<MailFlow> {
  const flow = await openMailFlow({ plugins: [here, ...plugins], ...more });
  flows.push(flow);
  return flow;
}

async function pickUp(flow: MailFlow, places: MaildropPlaces): Promise<Pickup> {
  const { submit, log, clock, facts, spool } = flow;
  const room = { submit, facts, clock, log };
  const pickup = new Pickup({
    ...{ places, submit, log, clock, alarm: clock.alarm, limits: defaultLimits, expiryMs: 5 * 24 * 3_600_000 },
    report: (envelope, message, acceptedAt, refused) =>
      reportRefusals({ ...room, options: {} }, { envelope, message, acceptedAt, refused }),
    tellFindings: (envelope, findings) => mailFindings(room, envelope, findings),
    missingAfter: (id) => missingRecipients({ spool, facts }, id),
  });
  pickups.push(pickup);
  await pickup.start();
  return pickup;
}

interface Left extends Partial<Omit<LeftEnvelope, "recipients">> {
  readonly to?: readonly string[];
  readonly text?: string;
}

function envelopeOf({ to = ["ann@example.org"], text: _, ...more }: Left): Omit<LeftEnvelope, "sizeBytes"> {
  return {
    ...{ purpose: "send", sender: "root@example.org", body: "7bit", isSmtpUtf8: false, ret: null, envid: null },
    recipients: to.map((address) => ({ address, notify: [], orcpt: null })),
    ...more,
  };
}

const usualText = "Subject: hello\r\n\r\nHow are you?\r\n";

function leave(places: MaildropPlaces, left: Left = {}): string {
  const leaving = new Leaving(places.fresh, process.getuid?.() ?? 0);
  leaving.write(Buffer.from(left.text ?? usualText, "latin1"));
  return leaving.finish(envelopeOf(left));
}

const namesIn = (places: MaildropPlaces) =>
  Promise.all([readdir(places.fresh), readdir(places.taken), readdir(places.damaged)]);
const logged = (flow: MailFlow, text: string) => flow.lines.filter((line) => line.text === text);

describe("local mail", () => {
  it("is picked up whether it was left before or after the server has started, and says which user left it", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    leave(places, { to: ["ann@example.org"] });
    await pickUp(flow, places);
    await until(() => delivered.length === 1);
    leave(places, { to: ["ben"] });
    await until(() => delivered.length === 2);
    expect(delivered.map(({ to, from, origin }) => ({ to, from, origin }))).toEqual([
      { to: ["ann@example.org"], from: "root@example.org", origin: "sendmail" },
      { to: ["ben@example.org"], from: "root@example.org", origin: "sendmail" },
    ]);
    expect(delivered[0]?.text).toMatch(
      new RegExp(`Received: by mx.example.org \\(Postern, from userid ${process.getuid?.()}\\)`),
    );
    expect(delivered[0]?.text).toMatch(/^From: <root@example.org>\r$/m);
    expect(delivered[0]?.text).toMatch(/^Message-ID: /m);
    await flow.quiet();
    expect(await namesIn(places)).toEqual([[], [], []]);
  });

  it("has left its file before its delivery begins", async () => {
    const places = await drop();
    const late: string[] = [];
    const { plugin, delivered } = recording();
    const look = hooksPlugin(
      {
        async route(_, { id }) {
          late.push(...(await readdir(places.taken)).filter((name) => name.endsWith(`+${id}`)));
          return proceed;
        },
      },
      "test-look",
    );
    const flow = await flowOf([look, plugin]);
    for (let n = 0; n < 20; n += 1) leave(places);
    await pickUp(flow, places);
    await until(() => delivered.length === 20);
    expect(late).toEqual([]);
  });

  it("goes to those who are taken; who is refused for good is reported to the sender", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    leave(places, { to: ["ann@example.org", "nobody@example.org", "no address"] });
    await pickUp(flow, places);
    await until(() => delivered.length === 2);
    const report = delivered.find(({ origin }) => origin === "bounce");
    expect(report?.to).toEqual(["root@example.org"]);
    expect(report?.text).toMatch(/Final-Recipient: rfc822;\s*nobody@example.org\r\nAction: failed\r\nStatus: 5.1.1/);
    expect(report?.text).toContain("no address");
    expect(report?.text).toContain("Subject: hello");
    expect(report?.text).not.toContain("Final-Recipient: rfc822;ann@");
    expect(delivered.find(({ origin }) => origin === "sendmail")?.to).toEqual(["ann@example.org"]);
  });

  it("is told about to the postmaster where nobody sent it", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    leave(places, { sender: null, to: ["nobody@example.org"] });
    await pickUp(flow, places);
    await until(() => delivered.length === 1);
    expect(delivered[0]).toMatchObject({ to: ["postmaster@example.org"], from: null });
    expect(await namesIn(places)).toEqual([[], [], []]);
  });

  it("is given back when a policy refuses the whole message", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([hooksPlugin({ message: () => reject("no such words here") }), plugin]);
    const places = await drop();
    leave(places);
    await pickUp(flow, places);
    await until(() => delivered.length === 1);
    expect(delivered[0]).toMatchObject({ origin: "bounce", to: ["root@example.org"] });
    expect(delivered[0]?.text).toContain("no such words here");
    expect(await namesIn(places)).toEqual([[], [], []]);
  });

  it("waits as a whole for a recipient who cannot be judged, and is sent once", async () => {
    const { plugin, delivered } = recording();
    let isDown = true;
    const lookUp = hooksPlugin(
      {
        expand: ({ address }) => (isDown && address.localPart === "ben" ? defer("not now") : proceed),
      },
      "test-down",
    );
    const flow = await flowOf([lookUp, plugin]);
    const places = await drop();
    leave(places, { to: ["ann@example.org", "ben@example.org", "nobody@example.org"] });
    await pickUp(flow, places);
    await until(() => logged(flow, "local mail is put off").length === 1);
    await flow.quiet();
    expect(delivered).toEqual([]);
    flow.clock.advance(10_000);
    await until(() => logged(flow, "local mail is put off").length === 2);
    isDown = false;
    flow.clock.advance(20_000);
    await until(() => delivered.length === 2);
    await flow.quiet();
    expect(delivered.map(({ origin, to }) => [origin, to.length]).sort()).toEqual([
      ["bounce", 1],
      ["sendmail", 2],
    ]);
    expect(await namesIn(places)).toEqual([[], [], []]);
  });

  it("tells of refused recipients once, however often the message is put off", async () => {
    const { plugin, delivered } = recording();
    let isFull = true;
    const flow = await flowOf([
      hooksPlugin({
        message: ({ origin }) => (isFull && origin === "sendmail" ? defer("full") : proceed),
      }),
      plugin,
    ]);
    const places = await drop();
    leave(places, { to: ["ann@example.org", "nobody@example.org"] });
    await pickUp(flow, places);
    for (const [count, pauseMs] of [
      [1, 10_000],
      [2, 20_000],
      [3, 40_000],
    ] as const) {
      await until(() => logged(flow, "local mail is put off").length === count);
      if (count === 3) isFull = false;
      flow.clock.advance(pauseMs);
    }
    await until(() => delivered.length === 2);
    await flow.quiet();
    expect(delivered.map(({ origin }) => origin).sort()).toEqual(["bounce", "sendmail"]);
  });

  it("is given back when what may pass has not passed for days", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([
      hooksPlugin({ expand: (_, { origin }) => (origin === "sendmail" ? defer("not now") : proceed) }),
      plugin,
    ]);
    const places = await drop();
    leave(places);
    await pickUp(flow, places);
    await until(() => logged(flow, "local mail is put off").length === 1);
    // The file's age is the disk's, whose clock is not the test's.
    flow.clock.advance(Math.max(0, Date.now() - flow.clock.now()) + 6 * 24 * 3_600_000);
    await until(() => delivered.length === 1);
    expect(delivered[0]).toMatchObject({ origin: "bounce", to: ["root@example.org"] });
    expect(delivered[0]?.text).toContain("not now");
  });

  it("is put off while the spool has no room, and comes then", async () => {
    const { plugin, delivered } = recording();
    let isFull = true;
    const flow = await flowOf([plugin], {
      wrapSpool: spoolWith((spool) => ({
        accept: (...args) =>
          isFull ? Promise.reject(Object.assign(new Error("no room"), { code: "SPOOL_FULL" })) : spool.accept(...args),
      })),
    });
    const places = await drop();
    leave(places);
    await pickUp(flow, places);
    await until(() => logged(flow, "local mail is put off").length === 1);
    isFull = false;
    flow.clock.advance(10_000);
    await until(() => delivered.length === 1);
    expect(await namesIn(places)).toEqual([[], [], []]);
  });

  it("answers who only asks what would become of a message", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    leave(places, { purpose: "verify", to: ["ann@example.org", "nobody@example.org"], text: "" });
    await pickUp(flow, places);
    await until(() => delivered.length === 1);
    expect(delivered[0]).toMatchObject({ to: ["root@example.org"], from: null });
    expect(delivered[0]?.text).toContain("<ann@example.org>: deliverable");
    expect(delivered[0]?.text).toContain("<nobody@example.org>: undeliverable: 550 5.1.1 User unknown");
  });
});

describe("what users may do to it", () => {
  it("leaves a directory that all may put files in and nobody can look into", async () => {
    const places = await drop();
    expect((await stat(places.fresh)).mode & 0o7777).toBe(FRESH_MODE);
    expect((await stat(places.taken)).mode & 0o7777).toBe(0o700);
    expect((await stat(places.damaged)).mode & 0o7777).toBe(0o700);
    const name = leave(places);
    expect((await stat(join(places.fresh, name))).mode & 0o7777).toBe(0o640);
  });

  const whole = (left: Left = {}): Buffer => {
    const text = Buffer.from(left.text ?? usualText, "latin1");
    return Buffer.concat([HEAD, text, encodeEnvelope({ ...envelopeOf(left), sizeBytes: text.length })]);
  };
  const lying = (change: object): Buffer => {
    const text = Buffer.from(usualText);
    return Buffer.concat([
      HEAD,
      text,
      encodeEnvelope({ ...envelopeOf({}), sizeBytes: text.length, ...change } as LeftEnvelope),
    ]);
  };

  it.each<[string, (places: MaildropPlaces) => Promise<unknown>]>([
    ["a symbolic link", async ({ fresh }) => symlink("/etc/passwd", join(fresh, "bad"))],
    ["a FIFO", async ({ fresh }) => execFileSync("mkfifo", [join(fresh, "bad")])],
    [
      "a socket",
      async ({ fresh }) => {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(join(fresh, "bad"), resolve));
        // Closing takes the name away.
        onTestFinished(() => void server.close());
      },
    ],
    [
      "a file with two names",
      async ({ fresh, root }) => {
        await writeFile(join(root, "other"), whole());
        await link(join(root, "other"), join(fresh, "bad"));
      },
    ],
    ["an empty file", async ({ fresh }) => writeFile(join(fresh, "bad"), "")],
    [
      "text",
      async ({ fresh }) => writeFile(join(fresh, "bad"), "Subject: hello\n\nhow are you, and is this long enough?\n"),
    ],
    ["half a message", async ({ fresh }) => writeFile(join(fresh, "bad"), whole().subarray(0, -20))],
    [
      "a message with something behind it",
      async ({ fresh }) => writeFile(join(fresh, "bad"), Buffer.concat([whole(), Buffer.from("x")])),
    ],
    [
      "another version",
      async ({ fresh }) =>
        writeFile(
          join(fresh, "bad"),
          Buffer.from(whole().toString("latin1").replace("maildrop 1", "maildrop 2"), "latin1"),
        ),
    ],
    ["a size that is a lie", async ({ fresh }) => writeFile(join(fresh, "bad"), lying({ sizeBytes: 5 }))],
    ["a size below zero", async ({ fresh }) => writeFile(join(fresh, "bad"), lying({ sizeBytes: -1 }))],
    ["nobody to send it to", async ({ fresh }) => writeFile(join(fresh, "bad"), lying({ recipients: [] }))],
    [
      "recipients that are none",
      async ({ fresh }) => writeFile(join(fresh, "bad"), lying({ recipients: ["ann@example.org"] })),
    ],
    [
      "an envelope id with a line end",
      async ({ fresh }) => writeFile(join(fresh, "bad"), lying({ envid: "a\r\nX: y" })),
    ],
    [
      "a huge file of nothing",
      async ({ fresh }) => {
        await writeFile(join(fresh, "bad"), HEAD);
        await truncate(join(fresh, "bad"), 1024 ** 4);
      },
    ],
    ["a directory", async ({ fresh }) => mkdir(join(fresh, "bad"))],
  ])("%s is set aside, and other mail passes", async (_, make) => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    await make(places);
    leave(places);
    await pickUp(flow, places);
    await until(() => delivered.length === 1);
    await until(() => logged(flow, "something in the maildrop was set aside as damaged").length === 1);
    const [fresh, taken, damaged] = await namesIn(places);
    expect([fresh, taken]).toEqual([[], []]);
    expect(damaged).toHaveLength(1);
    expect(delivered).toHaveLength(1);
  });

  it.runIf(isRoot)("a file that was not made in the maildrop is set aside: its group tells", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    await writeFile(join(places.fresh, "bad"), whole());
    await chown(join(places.fresh, "bad"), 4321, 4321);
    leave(places);
    await pickUp(flow, places);
    await until(
      () => delivered.length === 1 && logged(flow, "something in the maildrop was set aside as damaged").length === 1,
    );
  });

  it.runIf(isRoot)("what counts is who owns the file, whatever its name and its envelope say", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    const name = leave(places, { sender: "ann@example.org" });
    await chown(join(places.fresh, name), 4321, (await stat(places.fresh)).gid);
    await rename(join(places.fresh, name), join(places.fresh, "0.root.root"));
    await pickUp(flow, places);
    await until(() => delivered.length === 1);
    expect(delivered[0]?.text).toContain("from userid 4321)");
  });

  it("line ends that others would read otherwise are mended, and what cannot be is reported and kept", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    await writeFile(join(places.fresh, "a"), whole({ text: "Subject: a\r\n\r\none\n.\ntwo\rthree\r\n" }));
    await writeFile(join(places.fresh, "b"), whole({ text: "Subject: b\r\n\r\nnu\0l\r\n" }));
    await pickUp(flow, places);
    await until(
      () => delivered.length === 2 && logged(flow, "something in the maildrop was set aside as damaged").length === 1,
    );
    const mail = delivered.find(({ origin }) => origin === "sendmail");
    expect(mail?.text.endsWith("\r\n\r\none\r\n.\r\ntwo\r\nthree\r\n")).toBe(true);
    expect(delivered.find(({ origin }) => origin === "bounce")?.text).toContain("NUL");
    const [, , damaged] = await namesIn(places);
    expect(await readFile(join(places.damaged, damaged?.[0] ?? ""), "latin1")).toContain("nu\0l");
  });

  it("what is being written is nobody's mail yet, and what its writer gave up leaves nothing", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    const writing = new Leaving(places.fresh, 0);
    writing.write(Buffer.from(usualText));
    const given = new Leaving(places.fresh, 0);
    given.abort();
    await pickUp(flow, places);
    leave(places, { to: ["ben@example.org"] });
    await until(() => delivered.length === 1);
    expect(await readdir(places.fresh)).toHaveLength(1);
    writing.finish(envelopeOf({}));
    await until(() => delivered.length === 2);
    expect(await readdir(places.fresh)).toEqual([]);
  });
});

describe("after a crash", () => {
  it("a message that the spool had got is not submitted again", async () => {
    const places = await drop();
    // Kept from the moment before the queue got it, put back as if its removal had never happened.
    let name = "";
    const { plugin, delivered } = recording((): Outcome => outcomes.deferred);
    const flow = await flowOf([plugin], {
      wrapSpool: spoolWith((spool) => ({
        async accept(...args) {
          [name = ""] = await readdir(places.taken);
          await copyFile(join(places.taken, name), join(places.root, "kept"));
          await spool.accept(...args);
        },
      })),
    });
    leave(places);
    const first = await pickUp(flow, places);
    await until(() => delivered.length === 1);
    await first.stop();
    await flow.quiet();
    expect(name).toMatch(/\+/);
    await rename(join(places.root, "kept"), join(places.taken, name));
    await pickUp(flow, places);
    await until(() => !existsSync(join(places.taken, name)));
    await flow.quiet();
    expect(delivered).toHaveLength(1);
  });

  it("a message that the spool had not got is submitted", async () => {
    const places = await drop();
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    await rename(join(places.fresh, leave(places)), join(places.taken, "0.one.two+0000000000000"));
    await rename(join(places.fresh, leave(places, { to: ["ben@example.org"] })), join(places.taken, "0.three.four"));
    await pickUp(flow, places);
    await until(() => delivered.length === 2);
    expect(await namesIn(places)).toEqual([[], [], []]);
  });

  it("of a message that became several, only what is missing is submitted", async () => {
    const places = await drop();
    const { plugin, delivered } = recording((): Outcome => outcomes.deferred);
    const flow = await flowOf([plugin]);
    const pickup = await pickUp(flow, places);
    leave(places, { to: ["ann@example.org"] });
    await until(() => delivered.length === 1);
    await pickup.stop();
    await flow.quiet();
    const name = `0.one.two+${delivered[0]?.id}`;
    await rename(join(places.fresh, leave(places, { to: ["ann@example.org", "ben"] })), join(places.taken, name));
    await pickUp(flow, places);
    await until(() => delivered.length === 2);
    await flow.quiet();
    expect(delivered[1]?.to).toEqual(["ben@example.org"]);
    expect(await namesIn(places)).toEqual([[], [], []]);
  });

  it("a message is queued once where its file could not be removed at once", async () => {
    const places = await drop();
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin], {
      // The file goes under a name that the server does not look for: removing it fails.
      wrapSpool: spoolWith((spool) => ({
        async accept(...args) {
          const [name = ""] = await readdir(places.taken);
          await rename(join(places.taken, name), join(places.root, name));
          await mkdir(join(places.taken, name));
          await spool.accept(...args);
        },
      })),
    });
    leave(places);
    await pickUp(flow, places);
    await until(() => logged(flow, "local mail cannot be picked up now").length === 1);
    flow.clock.advance(10_000);
    await until(() => logged(flow, "local mail cannot be picked up now").length === 2);
    await flow.quiet();
    expect(delivered).toHaveLength(1);
  });
});
