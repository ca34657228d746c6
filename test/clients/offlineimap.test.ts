/** offlineimap: a Maildir and the server, synchronised both ways. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { alice, RunningServer } from "../server/running-server.ts";
import { imapClient } from "./mailboxes.ts";
import { describeWith, run } from "./programs.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start();
});
afterAll(() => server.stop());

const message = (subject: string) => `From: a@example.net\r\nSubject: ${subject}\r\n\r\nHello.\r\n`;

describeWith(["offlineimap"], "offlineimap", () => {
  it("synchronises new mail, flags, removals and mailboxes both ways, and then has nothing to do", async () => {
    const client = imapClient(server.ports.imaps, alice);
    await client.connect();
    await client.mailboxCreate("Archive/Entwürfe");
    await client.append("Archive/Entwürfe", message("archived"), ["\\Seen"]);
    for (const subject of ["first", "second", "third"]) await client.append("INBOX", message(subject));

    const near = join(server.directory, "offlineimap");
    await mkdir(near);
    const config = join(server.directory, "offlineimaprc");
    await writeFile(
      config,
      [
        "[general]",
        "accounts = alice",
        `metadata = ${join(server.directory, "offlineimap-state")}`,
        "ui = basic",
        "[Account alice]",
        "localrepository = near",
        "remoterepository = far",
        "[Repository near]",
        "type = Maildir",
        `localfolders = ${near}`,
        "sep = /",
        "[Repository far]",
        "type = IMAP",
        "remotehost = 127.0.0.1",
        `remoteport = ${server.ports.imaps}`,
        `remoteuser = ${alice.address}`,
        `remotepass = ${alice.password}`,
        "ssl = yes",
        `cert_fingerprint = ${await fingerprint(server.ports.imaps)}`,
        "",
      ].join("\n"),
    );
    const sync = async () => {
      const { exitCode, output } = await run("offlineimap", ["-o", "-c", config], { env: { HOME: server.directory } });
      expect(exitCode, output).toBe(0);
      expect(output).not.toMatch(/ERROR/);
      return output;
    };
    const files = async (folder: string) => {
      const found: string[] = [];
      for (const part of ["cur", "new"]) {
        for (const name of await readdir(join(near, folder, part))) found.push(join(near, folder, part, name));
      }
      return found;
    };
    const fileWith = async (folder: string, subject: string) => {
      for (const file of await files(folder)) {
        if ((await readFile(file, "utf8")).includes(`Subject: ${subject}\n`)) return file;
      }
      throw new Error(`${subject} is not in ${folder}`);
    };
    await sync();
    expect(await files("INBOX")).toHaveLength(3);
    const archive = (await readdir(join(near, "Archive"))).find((name) => name.startsWith("Entw")) ?? "";
    expect(await files(`Archive/${archive}`)).toHaveLength(1);

    // On this side: one is read, one removed, one is new, in a mailbox that is new as well.
    const first = await fileWith("INBOX", "first");
    await rename(first, join(near, "INBOX/cur", `${(first.split("/").at(-1) ?? "").replace(/:2,.*/, "")}:2,S`));
    await rm(await fileWith("INBOX", "second"));
    for (const part of ["cur", "new", "tmp"]) await mkdir(join(near, "Made", part), { recursive: true });
    await writeFile(join(near, "Made/new/1.1.near"), message("from near").replaceAll("\r\n", "\n"));
    // On the other: a flag, and new mail.
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd({ header: { subject: "third" } }, ["\\Flagged"]);
    await client.append("INBOX", message("fourth"));
    await sync();
    await sync();
    expect(await files("INBOX")).toHaveLength(3);
    expect(await fileWith("INBOX", "third")).toMatch(/:2,[A-Z]*F/);
    await client.noop();
    const flags: Record<string, string[]> = {};
    for await (const { envelope, flags: its } of client.fetch("1:*", { envelope: true, flags: true }))
      flags[envelope?.subject ?? ""] = [...(its ?? [])].filter((flag) => flag !== "\\Recent");
    expect(flags).toEqual({ first: ["\\Seen"], third: ["\\Flagged"], fourth: [] });
    expect((await client.status("Made", { messages: true })) || null).toMatchObject({ messages: 1 });
    expect(await sync()).not.toMatch(/Copy message|Adding flags|Deleting/);
    await client.logout();
  });
});

async function fingerprint(port: number): Promise<string> {
  const shown = await run("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-showcerts"]);
  const { output } = await run("openssl", ["x509", "-noout", "-fingerprint", "-sha1"], { input: shown.stdout });
  return (/=([0-9A-F:]+)/.exec(output)?.[1] ?? "").replaceAll(":", "").toLowerCase();
}
