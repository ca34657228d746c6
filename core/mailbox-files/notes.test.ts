/** Texts beside mailboxes: two processes at once, one that is killed in the middle, and what should not be followed. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { notesBeside } from "./notes.ts";

describe("notes beside mailboxes", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "postern-notes-"));
    mkdirSync(join(root, "box"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const notes = () => notesBeside({ directory: (mailbox) => (mailbox === "box" ? join(root, "box") : null) });

  it("are there once they are written, and gone once they are empty", async () => {
    expect(await notes().read("box", "acl")).toBeNull();
    await notes().change("box", "acl", (text) => `${text}user=bob lr\n`);
    expect((await notes().read("box", "acl"))?.text).toBe("user=bob lr\n");
    expect(readFileSync(join(root, "box", "dovecot-acl"), "utf8")).toBe("user=bob lr\n");
    await notes().change("box", "acl", () => "");
    expect(await notes().read("box", "acl")).toBeNull();
    expect(readdirSync(join(root, "box"))).toEqual([]);
  });

  it("belong to a mailbox that is there", async () => {
    expect(await notes().read("other", "acl")).toBeNull();
    await expect(notes().change("other", "acl", () => "x")).rejects.toMatchObject({ code: "nonexistent" });
    await expect(notes().read("box", "seen-../../etc" as never)).rejects.toMatchObject({ code: "cannot" });
  });

  it("are read anew when somebody else has changed them, and only then", async () => {
    await notes().change("box", "acl", () => "user=bob l\n");
    const first = await notes().read("box", "acl");
    expect(await notes().read("box", "acl", first)).toBe(first);
    writeFileSync(join(root, "box", "dovecot-acl"), "user=bob lrs\n");
    expect((await notes().read("box", "acl", first))?.text).toBe("user=bob lrs\n");
    rmSync(join(root, "box", "dovecot-acl"));
    expect(await notes().read("box", "acl", first)).toBeNull();
  });

  it("stay as they are where the change fails, or is too large", async () => {
    await notes().change("box", "acl", () => "user=bob l\n");
    const failing = notes().change("box", "acl", () => {
      throw new Error("no");
    });
    await expect(failing).rejects.toMatchObject({ code: "unavailable" });
    await expect(notes().change("box", "acl", () => "x".repeat(5 * 2 ** 20))).rejects.toMatchObject({ code: "limit" });
    expect((await notes().read("box", "acl"))?.text).toBe("user=bob l\n");
    expect(readdirSync(join(root, "box"))).toEqual(["dovecot-acl"]);
  });

  it("are no links to other files", async () => {
    writeFileSync(join(root, "secret"), "anyone lrswipkxtea\n");
    symlinkSync(join(root, "secret"), join(root, "box", "dovecot-acl"));
    await expect(notes().read("box", "acl")).rejects.toMatchObject({ code: "noPermission" });
    mkdirSync(join(root, "box", "postern-subscriptions-elsewhere"));
    await expect(notes().read("box", "subscriptions-elsewhere")).rejects.toMatchObject({ code: "noPermission" });
  });

  it("lose no change of two at once", async () => {
    const changes = Array.from({ length: 20 }, (_, at) =>
      notes().change("box", "acl", async (text) => `${text}${at}\n`),
    );
    await Promise.all(changes);
    const lines = (await notes().read("box", "acl"))?.text.trim().split("\n") ?? [];
    expect(lines.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at));
  });

  it("are as before or as after where the writer is killed", async () => {
    const program = fileURLToPath(new URL("./testing/notes-writer.ts", import.meta.url));
    for (let round = 0; round < 5; round++) {
      const writer = fork(program, [join(root, "box")], { execArgv: ["--import", "tsx"], stdio: "ignore" });
      // Told once it is at it; killed a while later, wherever that is.
      await once(writer, "message");
      for (let turn = 0; turn < round * 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      writer.kill("SIGKILL");
      await once(writer, "exit");
      const text = (await notes().read("box", "acl"))?.text ?? "";
      expect(text).toMatch(/^(?:user=reader\d+ lrs\n)+# (\d+)\n$/);
      const count = Number(/# (\d+)/.exec(text)?.[1]);
      expect(text.split("\n").length - 2).toBe(count);
      // What it left does not stand in the way.
      await notes().change("box", "acl", (held) => held);
      await notes().change("box", "acl", () => "user=reader0 lrs\n# 1\n");
    }
  });
});
