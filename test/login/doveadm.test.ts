/** What Debian's `doveadm pw` makes fits here, and what is made here fits there. */
import { afterAll, expect, it } from "vitest";
import { Passwords } from "../../core/login/passwords/passwords.ts";
import { makeSecret } from "../../core/login/passwords/table.ts";
import { describeWith, run } from "../clients/programs.ts";

const password = "p\u00e4ss: w\u00f6rd";
const passwords = new Passwords({ clock: Date, threads: 1, rememberMs: 0 });
afterAll(() => passwords.close());

describeWith(["doveadm"], "doveadm pw", () => {
  it.each([
    ...["ARGON2ID", "ARGON2I", "BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "PBKDF2", "SCRAM-SHA-256", "SCRAM-SHA-1"],
    ...["SSHA512", "SSHA256", "SSHA", "SMD5", "SHA512", "SHA256", "SHA", "SHA1", "PLAIN-MD5", "LDAP-MD5"],
    ...["PLAIN", "CLEARTEXT", "CLEAR", "PLAIN.b64", "SSHA.hex", "SHA256.b64", "PBKDF2.b64", "BLF-CRYPT.hex"],
  ])("%s", async (scheme) => {
    const { exitCode, output } = await run("doveadm", ["pw", "-s", scheme, "-p", password]);
    expect(exitCode, output).toBe(0);
    const secret = output.trim().split("\n").at(-1) ?? "";
    expect(await passwords.check("ann", password, [secret])).toMatchObject({ at: "right" });
    expect(await passwords.check("ann", "another", [secret])).toMatchObject({ at: "wrong" });
  });

  it.each(["ARGON2ID", "SCRAM-SHA-256"] as const)("%s of ours", async (scheme) => {
    const secret = makeSecret(password, { scheme, iterations: 4096 });
    const right = await run("doveadm", ["pw", "-t", secret, "-p", password]);
    expect(right.exitCode, right.output).toBe(0);
    expect((await run("doveadm", ["pw", "-t", secret, "-p", "another"])).exitCode).not.toBe(0);
  });
});
