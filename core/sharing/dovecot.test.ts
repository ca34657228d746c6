/**
 * Rights beside a Maildir as Dovecot's plugin `acl` understands them: what we read is what it reads, what we write it reads, and what it
 * writes we read.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formatRights, parseRights, type Rights } from "../mail/acl-rights.ts";
import { changedAcl, parseAcl, withoutEntry } from "./acl-file.ts";
import { effectiveRights } from "./effective-rights.ts";

const isDovecotHere =
  existsSync("/usr/lib/dovecot/imap") && existsSync("/usr/lib/dovecot/modules/lib02_imap_acl_plugin.so");
const isRoot = process.getuid?.() === 0;
const owner = isRoot ? { uid: 65_534, gid: 65_534 } : {};

/** Of whoever asks; `ann` is the owner. */
interface Asker {
  readonly login: string;
  readonly groups: readonly string[];
}

describe.skipIf(!isDovecotHere)("rights that Dovecot understands", { timeout: 120_000 }, () => {
  let root: string;
  const file = () => join(root, "home", "Maildir", "dovecot-acl");

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "postern-acl-"));
    chmodSync(root, 0o755);
    for (const path of ["home", "home/Maildir", "home/Maildir/cur", "home/Maildir/new", "home/Maildir/tmp"]) {
      mkdirSync(join(root, path));
      if (isRoot) chownSync(join(root, path), 65_534, 65_534);
    }
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function ask({ login, groups }: Asker, ...commands: readonly string[]): string {
    const config = join(root, `${login}.conf`);
    writeFileSync(
      config,
      `base_dir = ${root}/run
state_dir = ${root}/run
log_path = /dev/stderr
mail_location = maildir:~/Maildir
ssl = no
mail_uid = ${owner.uid ?? process.getuid?.()}
mail_gid = ${owner.gid ?? process.getgid?.()}
first_valid_uid = 1
stats_writer_socket_path =
mail_plugins = acl
protocol imap {
  mail_plugins = acl imap_acl
}
plugin {
  acl = vfile
  acl_anyone = allow
  acl_user = ${login}
  acl_groups = ${groups.join(",")}
}
namespace inbox {
  inbox = yes
  separator = /
}
`,
    );
    const { stdout, stderr } = spawnSync("/usr/lib/dovecot/imap", ["-c", config], {
      input: [...commands.map((command, at) => `t${at} ${command}`), "x LOGOUT", ""].join("\r\n"),
      cwd: "/",
      env: { PATH: process.env.PATH, HOME: join(root, "home"), USER: "ann", LC_ALL: "C.UTF-8" },
      encoding: "utf8",
      ...owner,
    });
    if (!stdout.includes("x OK")) throw new Error(`Dovecot says ${stdout} ${stderr}`);
    return stdout;
  }

  function write(text: string): void {
    writeFileSync(file(), text);
    if (isRoot) chownSync(file(), 65_534, 65_534);
  }

  const theirs = (asker: Asker): string =>
    formatRights(
      parseRights(
        /^\* MYRIGHTS "?INBOX"? "?(\w*)/m.exec(ask(asker, "MYRIGHTS INBOX"))?.[1]?.replace(/[cd]/g, "") ?? "",
      ) as Rights,
    );

  const ours = (text: string, { login, groups }: Asker): string =>
    formatRights(
      effectiveRights(
        parseAcl(text),
        { login, isOwner: login === "ann" },
        new Map([
          ["staff", new Set(groups.includes("staff") ? [login] : [])],
          ["board", new Set(groups.includes("board") ? [login] : [])],
        ]),
      ),
    );

  const askers: readonly Asker[] = [
    { login: "bob", groups: [] },
    { login: "cid", groups: ["staff"] },
    { login: "ann", groups: [] },
  ];

  it.each([
    ["nothing", ""],
    ["a user", "user=bob lrs\n"],
    ["everybody", "anyone lr\n"],
    ["a user instead of everybody", "anyone lrwst\nuser=bob lr\n"],
    ["those who have logged in instead of everybody", "anyone lrwst\nauthenticated lr\n"],
    ["a group", "group=staff lrwi\nanyone l\n"],
    ["a user of a group", "group=staff lrwi\nuser=cid l\n"],
    ["a group that goes before its users", "group-override=staff lr\nuser=cid lrwstipekxa\n"],
    ["rights taken away", "anyone lrwst\n-user=bob w\n"],
    ["rights taken away from everybody", "-anyone r\nuser=bob lrs\n"],
    ["rights taken away twice", "anyone lrwst\n-anyone s\n-user=bob t\n"],
    ["rights taken away from a group", "anyone lrwst\n-group=staff rw\n"],
    ["an owner with less", "owner lrs\nuser=bob lrsa\n"],
    ["an owner who loses some", "-owner xk\n"],
    ["words", "user=bob :lookup read write-seen\n"],
    ["letters and words", "user=bob l :read\n"],
    ["no rights at all", "anyone lr\nuser=bob\n"],
    ["comments and empty lines", "# Shared in 2020\n\nuser=bob lr\n"],
    ["quotes", '"user=bob" lr\n'],
    ["one subject twice", "user=bob l\nuser=bob r\n"],
  ])("of %s", (_, text) => {
    write(text);
    for (const asker of askers) {
      // An owner keeps l and a with us, whatever the file says.
      const kept =
        asker.login === "ann"
          ? (rights: string) => formatRights(new Set([...(parseRights(rights) ?? []), "l", "a"] as const))
          : (rights: string) => rights;
      expect(`${asker.login} ${ours(text, asker)}`).toBe(`${asker.login} ${kept(theirs(asker))}`);
    }
  });

  it("of what it writes itself", () => {
    const ann = { login: "ann", groups: [] };
    ask(ann, "SETACL INBOX bob lrs", "SETACL INBOX -bob t", "SETACL INBOX $staff lr", 'SETACL INBOX "john doe" li');
    const { entries, damaged } = parseAcl(readFileSync(file(), "utf8"));
    expect(damaged).toEqual([]);
    const seen = entries.map(
      ({ subject, isNegative, rights }) => `${isNegative ? "-" : ""}${subject} ${formatRights(rights)}`,
    );
    expect(seen.sort()).toEqual(["-user=bob t", "group=staff lr", "user=bob lrs", "user=john doe li"]);
  });

  it("of what we write", () => {
    const rights = parseRights("lrswi") as Rights;
    let text = "# by hand\nuser=cid lr\nuser=dan l\n";
    for (const subject of ["user=bob", "user=john doe", 'user=o"neil\\x', "group=staff"])
      text = changedAcl(text, { subject, isNegative: false, mode: "replace", rights });
    text = withoutEntry(text, { subject: "user=dan", isNegative: false });
    write(changedAcl(text, { subject: "user=cid", isNegative: true, mode: "add", rights: parseRights("r") as Rights }));
    const said = ask({ login: "ann", groups: [] }, "GETACL INBOX");
    const list = /^\* ACL INBOX (.*)\r$/m.exec(said)?.[1] ?? said;
    for (const part of ["bob ilrws", '"john doe" ilrws', '"o\\"neil\\\\x" ilrws', "$staff ilrws", "cid lr", "-cid r"])
      expect(list.replaceAll('"$staff"', "$staff")).toContain(part);
    expect(list).not.toContain("dan");
    expect(theirs({ login: "cid", groups: [] })).toBe("l");
  });
});
