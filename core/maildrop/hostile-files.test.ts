import { execFileSync } from "node:child_process";
import { chown, link, mkdir, readdir, readFile, rename, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  drop,
  envelopeOf,
  flowOf,
  type Left,
  leave,
  logged,
  namesIn,
  pickUp,
  usualText,
} from "../testing/local-mail.ts";
import { until } from "../testing/mail-flow.ts";
import { recording } from "../testing/mail-plugins.ts";
import { encodeEnvelope, HEAD, type LeftEnvelope } from "./format.ts";
import { Leaving } from "./leave.ts";
import { FRESH_MODE, type MaildropPlaces } from "./places.ts";

const isRoot = process.getuid?.() === 0;

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

  it("directories, which only their owners can move, stay and are told of, and other mail passes", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([plugin]);
    const places = await drop();
    await mkdir(join(places.fresh, "bad"));
    leave(places);
    await pickUp(flow, places);
    await until(() => delivered.length === 1);
    expect(logged(flow, "there are directories in the maildrop: they are no mail")).toHaveLength(1);
    expect(await namesIn(places)).toEqual([["bad"], [], []]);
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
