/**
 * Programs of this machine that know nothing of SMTP: they call `sendmail`, by that name, with the options that each of them has always
 * used. The server need not run for it.
 */
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { alice, bob, command, RunningServer } from "../server/running-server.ts";
import { arrival } from "./mailboxes.ts";
import { describeWith, type RunOptions, type RunResult, run } from "./programs.ts";

let server: RunningServer;
const isRoot = process.getuid?.() === 0;

beforeAll(async () => {
  server = await RunningServer.prepare({ config: ["workers: 1"] });
  // As the ways to a data directory usually are; that of a test is closed.
  await chmod(server.directory, 0o755);
  for (const name of ["sendmail", "mailq", "newaliases"]) await install(name);
  await server.startProcess();
});
afterAll(() => server?.stop());

/** A program of that name, which is the server's own called by it. */
async function install(name: string): Promise<void> {
  const names = join(server.directory, "names");
  const programs = join(server.directory, "programs");
  await mkdir(names, { recursive: true });
  await mkdir(programs, { recursive: true });
  await symlink(command[0] ?? "", join(names, name));
  const text = `#!/bin/sh\nPOSTERN_SENDMAIL=${server.dataDir} exec ${process.execPath} ${join(names, name)} "$@"\n`;
  await writeFile(program(name), text, { mode: 0o755 });
}

const program = (name: string) => join(server.directory, "programs", name);
const sendmail = (args: readonly string[], options: RunOptions = {}) => run(program("sendmail"), args, options);
const arrived = (subject: string, who = bob) =>
  arrival(server.ports.imaps, who, (source) => source.includes(`Subject: ${subject}\r\n`));
const header = (source: string, name: string) => new RegExp(`^${name}: (.*)\r$`, "m").exec(source)?.[1];

describe("a message that a program leaves", () => {
  it("arrives, completed, and says whose program it was", async () => {
    const { exitCode, output } = await sendmail(["-f", alice.address, bob.address], {
      input: "Subject: left\n\nhello\n",
    });
    expect(exitCode, output).toBe(0);
    expect(output).toBe("");
    const mail = await arrived("left");
    expect(mail).toMatch(new RegExp(`by mx.example.org \\(Postern, from userid ${process.getuid?.()}\\)`));
    expect(header(mail, "From")).toContain(alice.address);
    expect(header(mail, "Date")).toBeDefined();
    expect(header(mail, "Message-ID")).toContain("@mx.example.org>");
  });

  it("comes when the server runs again", async () => {
    await server.stopProcess();
    const { exitCode, output } = await sendmail([bob.address], { input: "Subject: while it was down\n\nhello\n" });
    expect(exitCode, output).toBe(0);
    await server.startProcess();
    await arrived("while it was down");
  });

  it("is not lost when the server is killed while it picks up", async () => {
    const subjects = Array.from({ length: 30 }, (_, n) => `killed ${n}`);
    const leave = async (some: readonly string[]) => {
      for (const subject of some) {
        const input = `Subject: ${subject}\n\nhello\n`;
        const { exitCode, output } = await sendmail(["-f", alice.address, bob.address], { input });
        expect(exitCode, output).toBe(0);
      }
    };
    let from = server.lines.length;
    const first = leave(subjects.slice(0, 10));
    await server.logged(({ msg }) => msg === "picked up", from, 120_000);
    await server.killAll();
    await first;
    await leave(subjects.slice(10));
    from = server.lines.length;
    await server.startProcess();
    await server.logged(({ msg }) => msg === "picked up", from, 120_000);
    await server.killAll();
    await server.startProcess();
    for (const subject of subjects) await arrived(subject);
  }, 300_000);

  it("is given back to its sender where a recipient is unknown", async () => {
    const { exitCode } = await sendmail(["-f", alice.address, "nobody@example.org"], {
      input: "Subject: to nobody\n\nhello\n",
    });
    expect(exitCode).toBe(0);
    const report = await arrival(
      server.ports.imaps,
      alice,
      (source) => source.includes("nobody@example.org") && source.includes("to nobody"),
    );
    expect(report).toMatch(/Action: failed\r\nStatus: 5\.1\.1/);
  });

  it("goes to whom its header names, and Bcc stays blind", async () => {
    const { exitCode, output } = await sendmail(["-t", "-f", alice.address], {
      input: `To: Bob <${bob.address}>\nBcc: ${alice.address}\nSubject: by the header\n\nhello\n`,
    });
    expect(exitCode, output).toBe(0);
    expect(await arrived("by the header")).not.toMatch(/^Bcc/m);
    expect(await arrived("by the header", alice)).not.toMatch(/^Bcc/m);
  });
});

describe.runIf(isRoot)("other users", () => {
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  const as = (args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
    run("setpriv", [...nobody, ...args], options);

  it("send, and their number is told", async () => {
    const { exitCode, output } = await as([program("sendmail"), "-f", alice.address, bob.address], {
      input: "Subject: from nobody\n\nhello\n",
    });
    expect(exitCode, output).toBe(0);
    expect(await arrived("from nobody")).toContain("(Postern, from userid 65534)");
  });

  it("neither list nor read nor remove what others have left", async () => {
    await server.stopProcess();
    const { exitCode } = await sendmail([bob.address], { input: "Subject: private\n\nhello\n" });
    expect(exitCode).toBe(0);
    const fresh = join(server.dataDir, "maildrop", "new");
    const [name = ""] = await readdir(fresh);
    const path = join(fresh, name);
    for (const args of [
      ["ls", fresh],
      ["cat", path],
      ["rm", "-f", path],
      ["mv", path, `${path}.mine`],
      ["ls", server.dataDir],
    ])
      expect((await as(args)).exitCode, args.join(" ")).not.toBe(0);
    expect((await as(["ln", path, `${path}.too`])).exitCode).not.toBe(0);
    await stat(path);
    await server.startProcess();
    await arrived("private");
  });

  it("see the queue, and no more", async () => {
    const { exitCode, output } = await as([program("mailq")]);
    expect(output).toMatch(/^Mail queue is empty$|Request/m);
    expect(exitCode).toBe(0);
    expect(await as([program("sendmail"), "-q"])).toMatchObject({
      ...{ exitCode: 77, output: expect.stringContaining("root or as the server's user") },
    });
  });
});

it("mailq shows the queue, newaliases does no harm, sendmail -q flushes", async () => {
  const shown = await run(program("mailq"), []);
  expect(shown.exitCode, shown.output).toBe(0);
  expect(shown.stdout).toMatch(/^Mail queue is empty$|Request/m);
  expect(await run(program("newaliases"), [])).toMatchObject({ exitCode: 0, output: "" });
  expect(await sendmail(["-q"])).toMatchObject({ exitCode: 0, output: "" });
  expect(await sendmail(["-qRexample.net"])).toMatchObject({ exitCode: 0, output: "" });
  expect(await sendmail(["-qInone"])).toMatchObject({ exitCode: 65 });
});

it("postern sendmail is the same", async () => {
  const { exitCode, output } = await run(
    process.execPath,
    [...command, "sendmail", "-C", server.dataDir, "-i", "-f", alice.address, bob.address],
    {
      input: "Subject: by the other name\n\none\n.\ntwo\n",
    },
  );
  expect(exitCode, output).toBe(0);
  expect(await arrived("by the other name")).toContain("\r\n\r\none\r\n.\r\ntwo\r\n");
});

it("what cron writes arrives", async () => {
  // The command line of Debian's cron, and the message that it makes of a job's output.
  const { exitCode, output } = await sendmail(["-FCronDaemon", "-i", "-B8BITMIME", "-oem", bob.address], {
    input: `From: ${alice.address} (Cron Daemon)\nTo: ${bob.address}\nSubject: Cron <root@mx> job\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\nX-Cron-Env: <SHELL=/bin/sh>\n\nžluť\n.\n`,
  });
  expect(exitCode, output).toBe(0);
  expect(await arrived("Cron <root@mx> job")).toContain("\r\n\r\nžluť\r\n.\r\n");
});

describeWith(["mail"], "mail", () => {
  it("sends", async () => {
    const rc = join(server.directory, "mailrc");
    await writeFile(rc, `set sendmail=${program("sendmail")}\n`);
    const { exitCode, output } = await run("mail", ["-n", "-s", "by mail", bob.address], {
      input: "hello\n",
      env: { MAILRC: rc, HOME: server.directory },
    });
    expect(exitCode, output).toBe(0);
    await arrived("by mail");
  });
});

describeWith(["mutt"], "mutt", () => {
  it("sends, with an attachment", async () => {
    const rc = join(server.directory, "muttrc");
    await writeFile(
      rc,
      `set sendmail="${program("sendmail")} -oem -oi"\nset copy=no\nset from=${alice.address}\nset use_envelope_from=yes\n`,
    );
    const { exitCode, output } = await run("mutt", ["-n", "-F", rc, "-s", "by mutt", "-a", rc, "--", bob.address], {
      input: "hello\n",
      env: { HOME: server.directory, TERM: "dumb" },
    });
    expect(exitCode, output).toBe(0);
    const mail = await arrived("by mutt");
    expect(header(mail, "From")).toContain(alice.address);
    expect(mail).toContain("multipart/mixed");
  });
});

describeWith(["php"], "PHP's mail()", () => {
  it("sends", async () => {
    const code = `exit(mail("${bob.address}", "by php", "hello\\n", "From: ${alice.address}", "-f${alice.address}") ? 0 : 1);`;
    const { exitCode, output } = await run("php", [
      "-n",
      "-d",
      `sendmail_path=${program("sendmail")} -t -i`,
      "-r",
      code,
    ]);
    expect(exitCode, output).toBe(0);
    const mail = await arrived("by php");
    expect(header(mail, "Return-Path")).toBe(`<${alice.address}>`);
  });

  it("is told that a message could not be left", async () => {
    const code = `exit(mail("", "never", "hello\\n") ? 0 : 1);`;
    const { exitCode } = await run("php", ["-n", "-d", `sendmail_path=${program("sendmail")} -t -i`, "-r", code]);
    expect(exitCode).toBe(1);
  });
});

describeWith(["python3"], "Python's subprocess", () => {
  it("sends what EmailMessage makes", async () => {
    const file = join(server.directory, "left.py");
    const lines = [
      "import subprocess, sys",
      "from email.message import EmailMessage",
      "message = EmailMessage(); message['From'] = sys.argv[2]; message['To'] = f'\"Bob, the other\" <{sys.argv[3]}>'; message['Subject'] = 'by python'",
      "message.set_content('žluťoučký kůň', cte='8bit')",
      "subprocess.run([sys.argv[1], '-t', '-oi', '-f', sys.argv[2]], input=message.as_bytes(), check=True)",
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    const { exitCode, output } = await run("python3", [file, program("sendmail"), alice.address, bob.address]);
    expect(exitCode, output).toBe(0);
    expect(await arrived("by python")).toContain("žluťoučký kůň");
  });
});

describeWith(["swaks"], "swaks over a pipe", () => {
  it("speaks SMTP with sendmail -bs, pipelined", async () => {
    const { exitCode, output } = await run("swaks", [
      ...["--pipe", `${program("sendmail")} -bs`, "--pipeline", "--from", alice.address, "--to", bob.address],
      ...["--header", "Subject: by swaks", "--body", "hello"],
    ]);
    expect(exitCode, output).toBe(0);
    await arrived("by swaks");
  });
});

describe("nodemailer's sendmail transport", () => {
  it("sends several at once", async () => {
    const transport = createTransport({ sendmail: true, path: program("sendmail"), newline: "unix" });
    const subjects = ["by nodemailer 1", "by nodemailer 2", "by nodemailer 3"];
    await Promise.all(
      subjects.map((subject) => transport.sendMail({ from: alice.address, to: bob.address, subject, text: "hello\n" })),
    );
    for (const subject of subjects) await arrived(subject);
  });
});

it("the file that says where the server is may be read by all, and has nothing to hide", async () => {
  const path = join(server.dataDir, "sendmail.json");
  expect((await stat(path)).mode & 0o777).toBe(0o644);
  expect(Object.keys(JSON.parse(await readFile(path, "utf8")) as object).sort()).toEqual([
    "dataDir",
    "format",
    "hostname",
    "maildrop",
    "messageSizeBytes",
    "origin",
    "queue",
  ]);
});
