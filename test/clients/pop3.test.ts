/** Programs that read by POP3: Python's poplib, curl, fetchmail, mutt, openssl. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { alice, RunningServer } from "../server/running-server.ts";
import { arrival } from "./mailboxes.ts";
import { describeWith, run } from "./programs.ts";
import { send } from "./senders.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await RunningServer.start({
    accounts: { [alice.address]: alice.password, "jürgen@example.org": "schlüssel" },
  });
});
afterAll(() => server.stop());

const dots = ".\n..\n.a line\nlast\n";

async function mailTo(login: typeof alice, subject: string, text = dots): Promise<void> {
  await send(server.ports.mx, { from: "sender@example.net", to: [login.address], subject, text });
  await arrival(server.ports.imaps, login, (source) => source.includes(`Subject: ${subject}`));
}

/** Runs Python that has a client `box`, logged in under STLS; what it prints comes back as JSON. */
async function python(lines: readonly string[], login = alice): Promise<unknown> {
  const program = [
    "import json, poplib, ssl, sys",
    "context = ssl._create_unverified_context()",
    `box = poplib.POP3('127.0.0.1', ${server.ports.pop3}, timeout=30)`,
    "box.stls(context=context)",
    `box.user(${JSON.stringify(login.address)})`,
    `box.pass_(${JSON.stringify(login.password)})`,
    "result = None",
    ...lines,
    "print(json.dumps(result))",
  ].join("\n");
  const { exitCode, stdout, output } = await run("python3", ["-"], { input: program });
  expect(exitCode, output).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

/** Leaves the maildrop with these messages and no others. */
async function maildropWith(...subjects: readonly string[]): Promise<void> {
  await python(["for number in range(1, box.stat()[0] + 1): box.dele(number)", "box.quit()"]);
  for (const subject of subjects) await mailTo(alice, subject);
}

describeWith(["python3"], "poplib", () => {
  beforeEach(() => maildropWith("one", "two", "three"));

  it("counts, lists, fetches, looks at tops, and has its dots back", async () => {
    const seen = (await python([
      "count, octets = box.stat()",
      "sizes = [int(line.split()[1]) for line in box.list()[1]]",
      "ids = [line.decode().split()[1] for line in box.uidl()[1]]",
      "same = [box.uidl(n + 1).decode().split()[2] == ids[n] for n in range(count)]",
      "fetched = [box.retr(n + 1) for n in range(count)]",
      "lengths = [got[2] for got in fetched]",
      "body = [line.decode() for line in fetched[0][1]][-5:]",
      "top = [line.decode() for line in box.top(2, 1)[1]]",
      "box.noop()",
      "result = dict(count=count, octets=octets, sizes=sizes, ids=ids, same=same, lengths=lengths, body=body, top=top)",
      "box.quit()",
    ])) as Record<string, unknown[]>;
    expect(seen.count).toBe(3);
    expect(seen.sizes?.reduce((sum: number, size) => sum + Number(size), 0)).toBe(seen.octets);
    expect(new Set(seen.ids).size).toBe(3);
    expect(seen.same).toEqual([true, true, true]);
    expect(seen.lengths).toEqual(seen.sizes);
    expect(seen.body?.slice(1)).toEqual([".", "..", ".a line", "last"]);
    expect(seen.top).toContain("Subject: two");
    expect(seen.top?.slice(-2)).toEqual(["", "."]);
  });

  it("deletes at QUIT only, and keeps the ids of the rest", async () => {
    const ids = "result = [line.decode().split()[1] for line in box.uidl()[1]]";
    const before = await python([ids, "box.dele(1)", "box.close()"]);
    expect(await python([ids, "box.dele(1)", "box.rset()", "box.quit()"])).toEqual(before);
    expect(await python([ids, "box.dele(2)", "box.quit()"])).toEqual(before);
    const [first, , third] = before as string[];
    expect(await python([ids, "box.quit()"])).toEqual([first, third]);
  });

  it("reads the capabilities before and after the login, and is refused what is refused", async () => {
    const program = [
      "after = box.capa()",
      "errors = []",
      "for line in ('LAST', 'RETR 99', 'STLS', 'USER x'):",
      "  try: box._shortcmd(line)",
      "  except poplib.error_proto as error: errors.append(error.args[0].decode())",
      "try: box.apop('alice', 'secret')",
      "except poplib.error_proto as error: errors.append(str(error))",
      `clear = poplib.POP3("127.0.0.1", ${server.ports.pop3}, timeout=30)`,
      "before = clear.capa()",
      "clear.quit()",
      "result = dict(after=after, before=before, errors=errors)",
      "box.quit()",
    ];
    const { before, after, errors } = (await python(program)) as Record<
      "before" | "after",
      Record<string, string[]>
    > & {
      errors: string[];
    };
    expect(Object.keys(before)).toEqual(expect.arrayContaining(["STLS", "UIDL", "TOP", "PIPELINING", "UTF8", "LANG"]));
    expect(Object.keys(after)).not.toContain("STLS");
    expect(after).toMatchObject({ EXPIRE: ["NEVER"], UTF8: ["USER"], IMPLEMENTATION: ["Postern"] });
    expect(after.SASL).toContain("PLAIN");
    expect(errors.slice(0, 4)).toEqual([
      "-ERR LAST is not supported",
      "-ERR No such message",
      "-ERR Logged in already",
      "-ERR Logged in already",
    ]);
    expect(errors).toHaveLength(5);
  });

  it("logs in with a name and a password in UTF-8, having said UTF8", async () => {
    const program = [
      "import poplib, ssl",
      `box = poplib.POP3_SSL('127.0.0.1', ${server.ports.pop3s}, timeout=30, context=ssl._create_unverified_context())`,
      "box.encoding = 'UTF-8'",
      "print(box.utf8())",
      "print(box._shortcmd('LANG de').decode())",
      "print(box.user('jürgen@example.org').decode())",
      "print(box.pass_('schlüssel').decode())",
      "box.quit()",
    ].join("\n");
    const { stdout, output } = await run("python3", ["-"], { input: program });
    expect(stdout.split("\n").slice(1, 4), output).toEqual([
      "+OK de Antworten sind jetzt deutsch",
      "+OK Kennwort?",
      "+OK 0 Nachrichten",
    ]);
  });
});

describeWith(["curl", "python3"], "curl", () => {
  const curl = (url: string, ...args: readonly string[]) =>
    run("curl", [
      ...["--silent", "--show-error", "--insecure", "--user", `${alice.address}:${alice.password}`],
      ...args,
      url,
    ]);

  it("lists, identifies, looks at a top and deletes, by either kind of TLS, with SASL", async () => {
    await maildropWith("first for curl", "second for curl");
    const implicit = `pop3s://127.0.0.1:${server.ports.pop3s}/`;
    const upgraded = `pop3://127.0.0.1:${server.ports.pop3}/`;
    const listed = await curl(implicit);
    expect(listed.stdout.trim().split(/\r?\n/), listed.output).toEqual([
      expect.stringMatching(/^1 \d+$/),
      expect.stringMatching(/^2 \d+$/),
    ]);
    for (const how of [["--login-options", "AUTH=PLAIN"], ["--login-options", "AUTH=LOGIN"], ["--sasl-ir"]]) {
      const { exitCode, output } = await curl(upgraded, "--ssl-reqd", ...how, "--request", "UIDL");
      expect(exitCode, `${how}: ${output}`).toBe(0);
      expect(output.trim().split(/\r?\n/)).toHaveLength(2);
    }
    const top = await curl(implicit, "--request", "TOP 2 0");
    expect(top.stdout, top.output).toContain("Subject: second for curl");
    const deleted = await curl(`${implicit}1`, "--request", "DELE", "--list-only");
    expect(deleted.exitCode, deleted.output).toBe(0);
    expect((await curl(`${implicit}1`)).stdout).toContain("Subject: second for curl");
  });

  it("is told that a password is wrong", async () => {
    const { exitCode } = await curl(`pop3s://127.0.0.1:${server.ports.pop3s}/`, "--user", `${alice.address}:wrong`);
    expect(exitCode).toBe(67); // curl(1): login denied
  });
});

describeWith(["fetchmail", "python3"], "fetchmail", () => {
  it("keeps mail on the server and takes each message once, over STLS, by its unique-id", async () => {
    await maildropWith("kept by fetchmail");
    const home = join(server.directory, "fetchmail-uidl");
    const inbox = join(home, "inbox");
    await mkdir(home, { mode: 0o700 });
    const control = join(home, "fetchmailrc");
    const poll = `poll 127.0.0.1 protocol POP3 port ${server.ports.pop3} uidl`;
    const user = `user "${alice.address}" password "${alice.password}" sslproto "TLS1.2+" no sslcertck keep mda "cat >> ${inbox}"`;
    await writeFile(control, `${poll}\n  ${user}\n`, { mode: 0o600 });
    const fetch = () =>
      run(
        "fetchmail",
        ["--nodetach", "--nosyslog", "-v", "-f", control, "-i", join(home, "ids"), "--pidfile", join(home, "pid")],
        {
          env: { HOME: home, FETCHMAILHOME: home },
        },
      );
    const first = await fetch();
    expect(first.exitCode, first.output).toBe(0);
    expect(first.output).toContain("STLS");
    const again = await fetch();
    expect(again.exitCode, again.output).toBe(1); // fetchmail(1): nothing new
    await mailTo(alice, "new for fetchmail");
    expect((await fetch()).exitCode).toBe(0);
    const text = await readFile(inbox, "utf8");
    expect(text.match(/^Subject: kept by fetchmail/gm)).toHaveLength(1);
    expect(text.match(/^Subject: new for fetchmail/gm)).toHaveLength(1);
    expect(text).toContain("\n.\n..\n.a line\n");
  });
});

describeWith(["mutt", "script", "python3"], "mutt", () => {
  it("opens the maildrop, saves a message and deletes it", async () => {
    await maildropWith("for mutt by POP3", "stays");
    const config = join(server.directory, "muttrc-pop3");
    const saved = join(server.directory, "saved-by-pop3");
    const certificate = join(server.directory, "mutt-pop3.pem");
    const { output: shown } = await run("openssl", [
      "s_client",
      "-connect",
      `127.0.0.1:${server.ports.pop3s}`,
      "-showcerts",
    ]);
    await writeFile(
      certificate,
      /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n/.exec(shown)?.[0] ?? "",
    );
    await writeFile(
      config,
      [
        `set spoolfile="pops://127.0.0.1:${server.ports.pop3s}/"`,
        `set pop_user="${alice.address}"`,
        `set pop_pass="${alice.password}"`,
        "set pop_delete=yes pop_reconnect=no sort=mailbox-order quit=yes delete=yes header_cache= message_cachedir=",
        "set ssl_verify_host=no ssl_verify_dates=no",
        `set certificate_file="${certificate}"`,
        "unset confirmcreate confirmappend",
        `push "<limit>~s mutt<enter><copy-message><kill-line>${saved}<enter><delete-message><quit>"`,
        "",
      ].join("\n"),
    );
    const { exitCode, output } = await run("script", ["-qec", `mutt -n -F ${config}`, "/dev/null"], {
      env: { TERM: "xterm", HOME: server.directory },
    });
    expect(exitCode, output).toBe(0);
    expect(await readFile(saved, "utf8")).toContain("Subject: for mutt by POP3");
    const left = await python(["result = [line.decode() for line in box.top(1, 0)[1]], box.stat()[0]", "box.quit()"]);
    expect(left).toEqual([expect.arrayContaining(["Subject: stays"]), 1]);
  });
});

describeWith(["openssl"], "openssl s_client", () => {
  it("starts TLS by STLS", async () => {
    const { output } = await run(
      "openssl",
      ["s_client", "-starttls", "pop3", "-crlf", "-quiet", "-connect", `127.0.0.1:${server.ports.pop3}`],
      { input: "CAPA\nQUIT\n" },
    );
    expect(output).toMatch(/SASL (?:\S+ )*PLAIN/);
    expect(output).toContain("+OK Bye");
  });
});
