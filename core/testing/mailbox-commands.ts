/** `postern mailbox` as an administrator types it, on a site of its own: config, accounts, files. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { run } from "../cli/program.ts";

const bin = fileURLToPath(new URL("../cli/bin.ts", import.meta.url));
/** What starts the command line in a process of its own. */
export const command = ["-C", "postern-source", "--import", fileURLToPath(import.meta.resolve("tsx")), bin];

/** Config and accounts, with data and all that the test puts there; another one for each test. */
export let site: string;

export async function openSite(): Promise<void> {
  site = await mkdtemp(join(tmpdir(), "postern-mailbox-"));
  await mkdir(join(site, "data"));
  await writeFile(
    join(site, "postern.config.yaml"),
    "hostname: mx.example.org\norigin: example.org\ndataDir: data\nworkers: 1\n" +
      "quota: { folders: { Trash: { ignore: true } } }\n" +
      "listeners: [{ role: mx, host: 127.0.0.1, port: 0 }]\n" +
      "plugins:\n  - directory-file: { path: accounts.yaml, domains: [example.org] }\n  - store-maildir\n  - deliver-local\n",
  );
  await writeFile(
    join(site, "accounts.yaml"),
    "accounts:\n  - { address: ann@example.org, quota: 1MiB, quotaMessages: 5000 }\n  - { address: bob@example.org }\n  - { address: eve@example.net }\n",
    { mode: 0o600 },
  );
}

export const closeSite = (): Promise<void> => rm(site, { recursive: true, force: true });

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function mailbox(...args: readonly string[]): Promise<Ran> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([text(out), text(err)]);
  const code = await run(["mailbox", ...args], { out, err, in: Readable.from([]), cwd: site });
  out.end();
  err.end();
  const [said, complained] = await texts;
  return { code, out: said, err: complained };
}

export const json = async (...args: readonly string[]): Promise<readonly Record<string, unknown>[]> => {
  const { out, err, code } = await mailbox(...args, "--json");
  if (code !== 0) throw new Error(err);
  return out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
};

export const maildir = (login: string, ...parts: readonly string[]): string => {
  const [user = "", domain = ""] = login.split("@");
  return join(site, "data/mail", domain, user, "Maildir", ...parts);
};

/** Names and contents of all messages of a mailbox. */
export async function messagesIn(
  directory: string,
): Promise<readonly { readonly name: string; readonly content: string }[]> {
  const found = [];
  for (const where of ["new", "cur"]) {
    for (const name of (await readdir(join(directory, where))).sort()) {
      found.push({ name, content: await readFile(join(directory, where, name), "latin1") });
    }
  }
  return found;
}

export const subjects = async (directory: string): Promise<readonly string[]> =>
  (await messagesIn(directory)).map(({ content }) => /^Subject: (.*)\r$/m.exec(content)?.[1] ?? "").sort();

export const mboxMessage = (subject: string, how: { body?: string; fields?: string } = {}): string =>
  `From ann@example.net Mon Nov  2 10:03:05 2026\nSubject: ${subject}\n${how.fields ?? ""}\n${how.body ?? "Text.\n"}\n`;

export const write = async (name: string, content: string): Promise<string> => {
  await writeFile(join(site, name), content, "latin1");
  return join(site, name);
};
