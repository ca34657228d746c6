/** The filter of fail2ban that is shipped, on lines that the server's log really writes, by Debian's fail2ban-regex. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { describeWith } from "../clients/programs.ts";

const filter = fileURLToPath(new URL("../../config/fail2ban/postern.conf", import.meta.url));
const script = fileURLToPath(new URL("failing-logins.ts", import.meta.url));

type Attempt = readonly [address: string, login: string, password: string];

function logOf(attempts: readonly Attempt[]): string {
  return execFileSync(
    process.execPath,
    ["--conditions=postern-source", "--import", "tsx", script, JSON.stringify(attempts)],
    { encoding: "utf8" },
  );
}

/** The addresses that fail2ban finds, in order. */
function found(log: string, prefix = ""): string[] {
  const directory = mkdtempSync(join(tmpdir(), "postern-fail2ban-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "postern.log");
  writeFileSync(path, log.replaceAll(/^(?=\{)/gm, prefix));
  return execFileSync("fail2ban-regex", ["--out", "ip", path, filter], { encoding: "utf8" })
    .split("\n")
    .filter(Boolean);
}

const sly = 'x","cause":"invalid","msg":"login failed"}';

describeWith(["fail2ban-regex"], "the filter of fail2ban", () => {
  it("finds each failure with its address, whatever the login, and nothing else", () => {
    const log = logOf([
      ["192.0.2.1", "anna", "wrong"],
      ["192.0.2.2", "anna", "secret"],
      ["2001:db8::17", "nobody", "wrong"],
      ["192.0.2.3", "banned", "wrong"],
      ["192.0.2.4", "down", "wrong"],
      ["192.0.2.5", '","remote":"203.0.113.1","protocol":"imap', "wrong"],
      ["192.0.2.6", "anna", "by CRAM-MD5"],
      ["192.0.2.7", sly, "wrong"],
      ["192.0.2.8", `down ${sly}`, "secret"],
      ["192.0.2.9", "\u00fcmlaut \u2028 \\", "wrong"],
    ]);
    expect(log.match(/"msg":"login failed"/g)).not.toHaveLength(0);
    expect(found(log)).toEqual([
      "192.0.2.1",
      "2001:db8::17",
      "192.0.2.5",
      "192.0.2.6",
      "192.0.2.7",
      "192.0.2.8",
      "192.0.2.9",
    ]);
  });

  it("does not take a success for a failure because of its login", () => {
    const line = `{"level":"info","time":"2026-01-02T03:04:05.678Z","worker":0,"session":"S","protocol":"imap","remote":"192.0.2.1","mechanism":"PLAIN","login":${JSON.stringify(sly)},"as":"x","msg":"logged in"}\n`;
    expect(found(line)).toEqual([]);
  });

  it("reads lines behind the prefix that syslog puts before them", () => {
    const log = logOf([["192.0.2.1", "anna", "wrong"]]);
    expect(found(log, "Jan  2 03:04:05 mx postern[123]: ")).toEqual(["192.0.2.1"]);
  });
});
