import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TlsFacts } from "../../contracts/session.ts";
import { definePlugin } from "../../kernel/define.ts";
import { authenticated, found, proceed } from "../../kernel/verdicts.ts";
import { loginsOf, sessionWith } from "../../testing/login.ts";
import { addressOf } from "../../testing/mail.ts";

function certificateFor(...names: readonly string[]): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "postern-certificate-"));
  try {
    const [key, cert, config] = ["key.pem", "cert.pem", "names.conf"].map((name) => join(directory, name));
    if (!key || !cert || !config) throw new Error("three files");
    const alternatives = names.map((name, at) => name.replace(":", `.${at} = `)).join("\n");
    const request = "[req]\ndistinguished_name = dn\nprompt = no\nx509_extensions = ext\n[dn]\nCN = carl@example.org\n";
    writeFileSync(config, `${request}[ext]\nsubjectAltName = @names\n[names]\n${alternatives}\n`);
    const how = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", [...how, "-keyout", key, "-out", cert, "-config", config], { stdio: "ignore" });
    return new X509Certificate(readFileSync(cert)).raw;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const ofAnna = certificateFor("email:unknown@example.org", "email:anna@example.org", "DNS:anna.example.org");
const quoted = certificateFor("URI:https://x/, email:anna@example.org, y");

const directory = definePlugin({
  name: "directory-test",
  api: 1,
  setup: () => ({
    hooks: {
      findAccount: (query) => {
        if (!("login" in query) || !["anna@example.org", "carl@example.org", "anna"].includes(query.login))
          return proceed;
        const login = query.login === "anna" ? "anna@example.org" : query.login;
        return found({ login, addresses: [addressOf(login)], home: "/h", quotaBytes: null });
      },
    },
  }),
});

const sessionOf = (tls: Partial<TlsFacts>) => sessionWith({ tls: { clientCertificate: ofAnna, ...tls } });
const verified = { isClientVerified: true, clientName: "carl@example.org" };

describe("EXTERNAL", () => {
  it.each([
    ["the first name that is an account", verified, "", "anna@example.org"],
    ["the one that is asked for", verified, "carl@example.org", "carl@example.org"],
    ["another name of the account", verified, "anna", "anna@example.org"],
    ["somebody else", verified, "bob@example.org", "invalid"],
    ["a name that only the certificate knows", verified, "unknown@example.org", "invalid"],
    ["names that hide in another name", { ...verified, clientCertificate: quoted }, "anna", "invalid"],
    ["a certificate that nobody vouches for", { isClientVerified: false }, "", "mechanism"],
    ["no certificate", { clientCertificate: null }, "", "mechanism"],
    ["control characters", verified, "an\u0007na", "malformed"],
  ])("%s", async (_, tls, wanted, expected) => {
    const { logins } = await loginsOf({ plugins: [directory] });
    const session = sessionOf(tls);
    const { step } = await logins.begin(session, "EXTERNAL", Buffer.from(wanted));
    expect(step.at === "failure" ? step.cause : session.identity?.login).toBe(expected);
    expect(logins.mechanisms(session).includes("EXTERNAL")).toBe(expected !== "mechanism");
  });

  it("asks for the name with an empty challenge", async () => {
    const { logins } = await loginsOf({ plugins: [directory] });
    const { step, conversation } = await logins.begin(sessionOf(verified), "EXTERNAL", null);
    expect(step).toEqual({ at: "challenge", data: new Uint8Array(0) });
    expect(await conversation.next(Buffer.alloc(0))).toMatchObject({ at: "success" });
  });

  it("takes a fingerprint that a plugin knows", async () => {
    const known = definePlugin({
      name: "auth-fingerprint",
      api: 1,
      setup: () => ({
        hooks: {
          auth: (attempt, { tls }) =>
            attempt.kind === "certificate" && tls?.clientFingerprint === "abcd"
              ? authenticated({ login: "anna@example.org" })
              : proceed,
        },
      }),
    });
    const made = await loginsOf({ plugins: [directory, known] });
    made.logins.methods.register({ methods: () => ["certificate"] });
    const begin = (clientFingerprint: string, wanted = "") =>
      made.logins.begin(sessionOf({ isClientVerified: false, clientFingerprint }), "EXTERNAL", Buffer.from(wanted));
    expect((await begin("abcd")).step).toMatchObject({ at: "success" });
    expect((await begin("abcd", "carl@example.org")).step).toMatchObject({ cause: "invalid" });
    expect((await begin("ffff")).step).toMatchObject({ cause: "invalid" });
    expect(made.told).toContainEqual(["authFailed", null, null]);
  });
});
