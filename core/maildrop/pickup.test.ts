import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Outcome } from "../contracts/delivery.ts";
import { defer, proceed, reject } from "../kernel/verdicts.ts";
import { drop, flowOf, leave, logged, namesIn, pickUp } from "../testing/local-mail.ts";
import { spoolWith, until } from "../testing/mail-flow.ts";
import { hooksPlugin, outcomes, recording } from "../testing/mail-plugins.ts";

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

  it("a message that is delivered before its file is looked at is not submitted again", async () => {
    const places = await drop();
    let outcome: Outcome = outcomes.deferred;
    const { plugin, delivered } = recording((): Outcome => outcome);
    const flow = await flowOf([plugin]);
    const pickup = await pickUp(flow, places);
    leave(places);
    await until(() => delivered.length === 1);
    await pickup.stop();
    await flow.quiet();
    const name = `0.one.two+${delivered[0]?.id}`;
    await rename(join(places.fresh, leave(places)), join(places.taken, name));
    await pickUp(flow, places, async () => {
      outcome = outcomes.delivered;
      await flow.queue.flush();
      await flow.quiet();
      expect(delivered).toHaveLength(2);
    });
    await until(() => !existsSync(join(places.taken, name)));
    await flow.quiet();
    expect(new Set(delivered.map(({ id }) => id)).size).toBe(1);
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
