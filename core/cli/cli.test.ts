/** The command line, judged by what it prints and its exit code. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findUser } from "../app/data-directory.ts";
import { run } from "./program.ts";

const bin = fileURLToPath(new URL("./bin.ts", import.meta.url));
const command = ["-C", "postern-source", "--import", fileURLToPath(import.meta.resolve("tsx")), bin];

let site: string;

beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-cli-"));
  // Users who send mail go through it.
  await chmod(site, 0o755);
});
afterAll(() => rm(site, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(site, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command in this process: what it writes, and how it would end. */
async function postern(args: readonly string[], input = ""): Promise<Ran> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const code = await run(args, { out, err, in: Readable.from([Buffer.from(input)]), cwd: site });
  out.end();
  err.end();
  return { code, out: await text(out), err: await text(err) };
}

const head = "hostname: mx.example.org\norigin: example.org\nworkers: 1\n";
const plugins = `plugins:
  - policy-relay: { networks: [127.0.0.0/8] }
  - use: ./nothing.mjs
    id: watcher
    when: { role: [mx] }
    shadow: true
  - directory-file: { path: accounts.yaml, domains: [example.org] }
  - deliver-smtp
`;
const nothing = `export default { name: "policy-nothing", api: 1, setup: () => ({
  hooks: { rcptTo: () => ({ verdict: "proceed" }) } }) };`;

describe("postern", () => {
  it("says its version", async () => {
    const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
    for (const asked of ["version", "--version", "-V"])
      expect(await postern([asked])).toMatchObject({ code: 0, out: expect.stringContaining(`postern ${version}`) });
  });

  it.each([
    [["strat"], 64, /unknown command 'strat'\n\(Did you mean start\?\)/],
    [["check", "--configg", "x"], 64, /unknown option '--configg'/],
    [["start", "--config", "none.yaml"], 78, /there is no such file/],
    [["start"], 78, /there is no config file in this directory/],
    [["plugin", "new", "Bad_Name"], 64, /"Bad_Name" is no name for a plugin/],
  ])("answers a slip with one message and an exit code: %j", async (args, code, message) => {
    const ran = await postern(args);
    expect(ran).toMatchObject({ code, err: expect.stringMatching(message) });
    expect(ran.err).toMatch(/^postern: /);
    expect(ran.err).not.toMatch(/^ {4}at /m);
  });

  it("ends its process with the exit code, and shows a stack trace only when asked to", async () => {
    const config = await write("slip.yaml", "hostnam: x\n");
    const env = { ...process.env, POSTERN_DEBUG: "1" };
    const stdio = ["ignore", "ignore", "pipe"] as const;
    const child = spawn(process.execPath, [...command, "start", "-c", config], { env, stdio: [...stdio] });
    const [said, [code]] = await Promise.all([text(child.stderr ?? Readable.from([])), once(child, "exit")]);
    expect(code).toBe(78);
    expect(said).toMatch(/^ {4}at /m);
    expect((await postern(["start", "-c", config])).err).not.toMatch(/^ {4}at /m);
  });

  it("tells all mistakes of a config with their lines", async () => {
    const config = await write(
      "mistakes.yaml",
      "hostname: x\nlisteners:\n  - { role: mx, prt: 25 }\nplugins:\n  - polcy-relay\n",
    );
    const { code, err } = await postern(["start", "-c", config]);
    expect(code).toBe(78);
    expect(err).toContain("the config has 2 mistakes");
    expect(err).toMatch(/mistakes\.yaml:3:\d+: unknown key "prt"\n {4}expected .*\n {4}did you mean "port"\?/);
    expect(err).toMatch(
      /mistakes\.yaml:5:\d+: polcy-relay: there is no plugin "polcy-relay"\n.*\n {4}did you mean "policy-relay"\?/,
    );
  });
});

describe("postern explain", () => {
  it("prints the chain of a hook in order, with when and shadow", async () => {
    await write("nothing.mjs", nothing);
    await write("accounts.yaml", "accounts: []\n");
    const config = await write("explain.yaml", `${head}listeners:\n  - { role: mx, port: 2525 }\n${plugins}`);
    const { code, out } = await postern(["explain", "rcptTo", "-c", config]);
    expect(code).toBe(0);
    expect(out).toMatch(/^rcptTo \(policy\): /);
    expect(out).toMatch(/1\. watcher +\(policy-nothing\) +role mx +in shadow: asked, not obeyed/);
    const whole = await postern(["explain", "-c", config]);
    expect(whole.out).toMatch(/destination \(claim\)[\s\S]*1\. policy-relay/);
    expect(whole.out).toMatch(/Nobody listens to: .*helo/);
  });

  it("knows which hook was meant", async () => {
    const config = await write("explain.yaml", `${head}listeners:\n  - { role: mx, port: 2525 }\n${plugins}`);
    expect(await postern(["explain", "rctpTo", "-c", config])).toMatchObject({
      code: 64,
      err: expect.stringContaining('did you mean "rcptTo"?'),
    });
  });
});

describe("postern check", () => {
  it("finds nothing against a config that works", async () => {
    await write("nothing.mjs", nothing);
    await write("accounts.yaml", "accounts:\n  - address: postmaster@example.org\n");
    const config = await write(
      "good.yaml",
      `${head}user: root\nlisteners:\n  - { role: mx, host: 127.0.0.1, port: 0 }\n${plugins}`,
    );
    const { code, out } = await postern(["check", "-c", config]);
    expect(out).toMatch(/The server can be started\.\n$/);
    expect(code).toBe(0);
  });

  it("finds a port in use, a data directory that cannot be, a postmaster who is nobody, plugins out of order", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await write("accounts.yaml", "accounts:\n  - address: ann@example.org\n");
    await write("file", "");
    await write(
      "ordered.mjs",
      `export default { name: "policy-last", api: 1, after: ["deliver-*"], setup: () => ({ hooks: {} }) };`,
    );
    const config = await write(
      "bad.yaml",
      `${head}dataDir: file/data\nlisteners:\n  - { role: mx, host: 127.0.0.1, port: ${port} }\nplugins:\n  - ./ordered.mjs\n${plugins.split("\n").slice(-3).join("\n")}`,
    );
    const { code, out } = await postern(["check", "-c", config]);
    server.close();
    expect(code).toBe(1);
    expect(out).toMatch(new RegExp(`mx-${port}: 127.0.0.1:${port} is in use`));
    expect(out).toMatch(/dataDir: .*file is no directory/);
    expect(out).toMatch(/postmaster: postmaster@example.org is no account and no alias/);
    expect(out).toMatch(/bad\.yaml:\d+: policy-last: wants to come after deliver-\*/);
  });

  it("finds that nobody routes, and a shadow where none can be", async () => {
    await write("nothing.mjs", nothing);
    const config = await write("empty.yaml", `${head}listeners:\n  - { role: mx, port: 0 }\n`);
    const empty = await postern(["check", "-c", config]);
    expect(empty).toMatchObject({ code: 1, out: expect.stringContaining("no plugin answers route") });
    const shadow = await write(
      "shadow.yaml",
      `${head}listeners:\n  - { role: mx, port: 0 }\nplugins:\n  - { use: deliver-smtp, shadow: true }\n`,
    );
    const { code, out } = await postern(["check", "-c", shadow]);
    expect(out).toMatch(/shadow\.yaml:7: deliver-smtp: .*shadow/);
    expect(code).toBe(1);
  });

  it("tells each slip that only setting up finds as one mistake, with its line", async () => {
    const config = await write(
      "setup.yaml",
      `${head}user: root\nlisteners:\n  - { role: mx, port: 0 }\nplugins:\n  - policy-access: { checks: [{ check: sender, at: connect, maps: ["static:OK"] }] }\n  - alias-virtual: { maps: ["hash:nowhere"] }\n`,
    );
    expect(await postern(["check", "-c", config])).toMatchObject({
      code: 1,
      out: [
        'setup.yaml:8: policy-access: setup failed: the check "sender" cannot be made at connect: nothing is known of it before mailFrom',
        `setup.yaml:9: alias-virtual: setup failed: hash:nowhere: ${join(site, "nowhere")} does not exist`,
        "2 errors: the server would not work.",
        "",
      ].join("\n"),
    });
  });

  it("finds what would keep mail from its mailbox: nobody who keeps it, and a route to others that comes first", async () => {
    await write("accounts.yaml", "accounts:\n  - address: postmaster@example.org\n");
    const config = await write(
      "kept.yaml",
      `${head}user: root\nlisteners:\n  - { role: mx, port: 0 }\nplugins:\n  - directory-file: { path: accounts.yaml, domains: [example.org] }\n  - deliver-smtp\n  - deliver-local\n`,
    );
    const { code, out } = await postern(["check", "-c", config]);
    expect(out).toContain("kept.yaml:9: deliver-smtp: wants to come after deliver-*, but deliver-local comes later");
    expect(out).toContain("warning: no plugin keeps mailboxes");
    expect(code).toBe(1);
  });

  it("finds an owner of a socket who is nobody", async () => {
    const config = await write(
      "owner.yaml",
      `${head}user: root\nlisteners:\n  - { role: lmtp, path: lmtp.sock, owner: nobodyhere }\nplugins: [deliver-smtp]\n`,
    );
    expect((await postern(["check", "-c", config])).out).toContain(
      'listener "lmtp-socket": owner: there is no system user "nobodyhere"',
    );
  });
});

describe("postern account", () => {
  it("adds, lists, changes and removes, keeping the comments of the file", async () => {
    await write("people/accounts.yaml", "# our people\naccounts:\n  - address: ann@example.org # the boss\n");
    const config = await write(
      "people/postern.config.yaml",
      `${head}listeners: [{ role: mx, port: 0 }]\nplugins:\n  - directory-file: { path: accounts.yaml, domains: [example.org] }\n`,
    );
    const file = () => readFile(join(site, "people/accounts.yaml"), "utf8");
    const input = "correct horse\n";
    expect(await postern(["account", "add", "bob@example.org", "--password-stdin", "-c", config], input)).toMatchObject(
      {
        code: 0,
        out: expect.stringContaining("bob@example.org added"),
      },
    );
    const added = await file();
    expect(added).toMatch(/# our people[\s\S]*# the boss[\s\S]*bob@example\.org[\s\S]*\$argon2id\$/);
    expect(added).not.toContain("correct horse");
    expect((await stat(join(site, "people/accounts.yaml"))).mode & 0o007).toBe(0);

    const { out } = await postern(["account", "list", "-c", config]);
    expect(out).toMatch(/^ann@example\.org\t.*\tno password\nbob@example\.org\t[^\n]*\n$/);

    const again = await postern(["account", "add", "bob@example.org", "--password-stdin", "-c", config], input);
    expect(again).toMatchObject({ code: 65, err: expect.stringContaining("bob@example.org") });
    expect(
      (await postern(["account", "passwd", "bob@example.org", "--password-stdin", "-c", config], "another\n")).code,
    ).toBe(0);
    expect(await file()).not.toBe(added);
    expect((await postern(["account", "remove", "bob@example.org", "-c", config])).code).toBe(0);
    expect(await file()).not.toContain("bob@example.org");
    expect(await file()).toContain("# the boss");
  });

  it.runIf(process.getuid?.() === 0)("run by root, makes accounts that the server's user can read", async () => {
    const config = await write(
      "root/postern.config.yaml",
      `${head}user: nobody\ndataDir: ./mail\nlisteners: [{ role: mx, port: 0 }]\nplugins:\n  - directory-file: { path: accounts.yaml, domains: [example.org] }\n`,
    );
    const added = await postern(["account", "add", "ann@example.org", "--password-stdin", "-c", config], "secret\n");
    expect(added).toMatchObject({ code: 0 });
    const nobody = findUser("nobody");
    expect(await stat(join(site, "root/accounts.yaml"))).toMatchObject({ ...nobody, mode: 0o100600 });
    expect(await stat(join(site, "root/mail"))).toMatchObject(nobody);
  });

  it("refuses what cannot be", async () => {
    const config = join(site, "people/postern.config.yaml");
    const ask = (args: readonly string[], input = "x\n") => postern(["account", ...args, "-c", config], input);
    expect(await ask(["add", "no address", "--password-stdin"])).toMatchObject({ code: 64 });
    expect(await ask(["add", "ann@example.com", "--password-stdin"])).toMatchObject({
      code: 78,
      err: expect.stringContaining("example.com"),
    });
    expect(await ask(["add", "joe@example.org", "--password-stdin"], "\n")).toMatchObject({
      code: 64,
      err: expect.stringContaining("empty"),
    });
    expect(await ask(["add", "joe@example.org"])).toMatchObject({
      code: 64,
      err: expect.stringContaining("--password-stdin"),
    });
    expect(await ask(["passwd", "joe@example.org", "--password-stdin"])).toMatchObject({ code: 67 });
  });
});

describe("postern plugin new", () => {
  it("copies the template under the new name, and never over something", async () => {
    const { code, out } = await postern(["plugin", "new", "policy-mondays"]);
    expect(code).toBe(0);
    const made = join(site, "postern-plugin-policy-mondays");
    expect(out).toBe(`${made}\n`);
    expect((await readdir(made)).sort()).toEqual([
      ".gitignore",
      "README.md",
      "package.json",
      "src",
      "tsconfig.build.json",
      "tsconfig.json",
    ]);
    expect(JSON.parse(await readFile(join(made, "package.json"), "utf8")).name).toBe("postern-plugin-policy-mondays");
    expect(await readFile(join(made, "src/index.ts"), "utf8")).toContain('name: "policy-mondays"');
    expect(await postern(["plugin", "new", "policy-mondays"])).toMatchObject({
      code: 73,
      err: expect.stringContaining("is not empty"),
    });
  });
});
