import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { base64url, SignJWT, UnsecuredJWT } from "jose";
import { keptLog, kernelWith, manualClock, optionsOf, sessionOf } from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";
import { keyPair, sign, TokenServer } from "./token-server.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const NOW = NOW_MS / 1000;
const ISSUER = "https://login.example.org/";
const good = {
  iss: ISSUER,
  aud: "mail",
  exp: NOW + 600,
  email: "anna@example.org",
  email_verified: true,
  scope: "openid mail",
};

async function issuer(tls: { cert: string; key: string } | null = null) {
  const server = await TokenServer.start(tls);
  onTestFinished(() => server.close());
  return server;
}

async function started(options: object, configDir = process.cwd()) {
  const clock = manualClock(NOW_MS);
  const { log, lines } = keptLog();
  const kernel = await kernelWith({ log, clock, configDir }, [plugin, optionsOf(plugin, options)]);
  const login = async (token: string) => {
    const attempt = { kind: "token", login: null, authzid: null, token } as const;
    const { verdict } = await kernel.claim("auth", attempt, sessionOf());
    return verdict?.verdict === "authenticated" ? verdict.identity.login : (verdict?.verdict ?? "proceed");
  };
  return { clock, lines, kernel, login };
}

const jwtOptions = (url: string, more: object = {}) => ({
  jwks: { url: `${url}/keys` },
  issuer: ISSUER,
  audience: ["mail"],
  ...more,
});

describe("JWTs", () => {
  it.each(["RS256", "PS256", "ES256", "EdDSA"])("signed with %s", async (alg) => {
    const [server, pair] = [await issuer(), await keyPair(alg, "k1")];
    server.keys = [pair.jwk];
    const { login } = await started(jwtOptions(server.url));
    expect(await login(await sign(pair, good))).toBe("anna@example.org");
  });

  it.each([
    ["good", {}, "anna@example.org"],
    ["expired", { exp: NOW - 31 }, "proceed"],
    ["just expired, within the clock's skew", { exp: NOW - 20 }, "anna@example.org"],
    ["not yet valid", { nbf: NOW + 31 }, "proceed"],
    ["without an end", { exp: undefined }, "proceed"],
    ["of another issuer", { iss: "https://login.example.com/" }, "proceed"],
    ["for another audience", { aud: ["calendar", "chat"] }, "proceed"],
    ["for several audiences", { aud: ["calendar", "mail"] }, "anna@example.org"],
    ["without audience", { aud: undefined }, "proceed"],
    ["without a scope", { scope: "openid" }, "proceed"],
    ["with scopes as a list", { scope: undefined, scp: ["mail"] }, "anna@example.org"],
    ["without the claim", { email: undefined }, "proceed"],
    ["with a claim that is no text", { email: { evil: true } }, "proceed"],
    ["with control characters", { email: "anna@example.org\nroot" }, "proceed"],
    ["with an address that anybody could have written", { email_verified: false }, "proceed"],
    ["with the same said as text", { email_verified: "false" }, "proceed"],
    ["with an address that is verified, said as text", { email_verified: "true" }, "anna@example.org"],
  ])("%s", async (_, change, expected) => {
    const [server, pair] = [await issuer(), await keyPair("ES256", "k1")];
    server.keys = [pair.jwk];
    const { login, lines } = await started(jwtOptions(server.url, { scopes: ["mail"] }));
    const token = await sign(pair, { ...good, ...change } as typeof good);
    expect(await login(token)).toBe(expected);
    expect(JSON.stringify(lines)).not.toContain(token.split(".")[2]);
  });

  it("another claim may name the login", async () => {
    const [server, pair] = [await issuer(), await keyPair("ES256", "k1")];
    server.keys = [pair.jwk];
    const { login } = await started(jwtOptions(server.url, { loginClaim: "preferred_username" }));
    expect(await login(await sign(pair, { ...good, preferred_username: "anna" }))).toBe("anna");
  });

  it("that nobody has signed, or somebody else, are never taken", async () => {
    const [server, pair] = [await issuer(), await keyPair("RS256", "k1")];
    server.keys = [pair.jwk];
    const { login } = await started(jwtOptions(server.url));
    const token = await sign(pair, good);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const mallory = await keyPair("RS256", "k1");
    const publicText = new TextEncoder().encode(JSON.stringify(pair.jwk));
    const es = await keyPair("ES384", "k2");
    server.keys.push(es.jwk);
    const forged = [
      new UnsecuredJWT(good).encode(),
      `${base64url.encode(JSON.stringify({ alg: "none", kid: "k1" }))}.${payload}.`,
      `${header}.${payload}.`,
      `${header}.${base64url.encode(JSON.stringify({ ...good, email: "root@example.org" }))}.${signature}`,
      await sign(mallory, good),
      // The public key as a shared secret.
      await new SignJWT(good).setProtectedHeader({ alg: "HS256", kid: "k1" }).sign(publicText),
      // A key of the token's own.
      await sign(mallory, good, { jwk: mallory.jwk, kid: "new" }),
      // A good key with an algorithm that is not allowed.
      await sign(es, good),
      "",
      "x",
      "a.b.c",
      `${token}.x`,
      "ä".repeat(10),
    ];
    for (const one of forged) expect(await login(one), one).toBe("proceed");
    expect(await login(token)).toBe("anna@example.org");
  });

  it("keys without a name are tried one after the other", async () => {
    const server = await issuer();
    const pairs = await Promise.all([keyPair("ES256"), keyPair("ES256"), keyPair("ES256")]);
    server.keys = pairs.map(({ jwk }) => jwk);
    const { login } = await started(jwtOptions(server.url));
    for (const pair of pairs) expect(await login(await sign(pair, good))).toBe("anna@example.org");
    expect(await login(await sign(await keyPair("ES256"), good))).toBe("proceed");
  });
});

describe("the issuer's keys", () => {
  it("are asked for once, by however many logins at once", async () => {
    const [server, pair] = [await issuer(), await keyPair("ES256", "k1")];
    server.keys = [pair.jwk];
    const { login } = await started(jwtOptions(server.url));
    const token = await sign(pair, good);
    await Promise.all(Array.from({ length: 20 }, () => login(token)));
    expect(server.requests).toHaveLength(1);
  });

  it("are asked for again when a new one signs, but not more often than allowed", async () => {
    const server = await issuer();
    const [old, fresh] = [await keyPair("ES256", "old"), await keyPair("ES256", "fresh")];
    server.keys = [old.jwk];
    const { login, clock } = await started(jwtOptions(server.url));
    expect(await login(await sign(old, good))).toBe("anna@example.org");
    server.keys = [fresh.jwk];
    const tokens = await Promise.all(
      Array.from({ length: 10 }, async (_, at) => sign(await keyPair("ES256", `x${at}`), good)),
    );
    for (const token of tokens) expect(await login(token)).toBe("proceed");
    expect(server.requests).toHaveLength(1);
    clock.advance(30_001);
    expect(await login(await sign(fresh, good))).toBe("anna@example.org");
    expect(await login(await sign(old, good))).toBe("proceed");
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    ["an error", { status: 503 }],
    ["no JSON", { body: "<html>" }],
    ["no keys", { body: "{}" }],
    ["too much", { body: JSON.stringify("x".repeat(300_000)) }],
    ["a redirect", { status: 302 }],
    ["nothing at all", { hangs: true }],
  ])("%s: logins are deferred, and nobody is refused", async (_, trouble) => {
    const [server, pair] = [await issuer(), await keyPair("ES256", "k1")];
    server.keys = [pair.jwk];
    server.trouble = trouble;
    const { login, clock } = await started(jwtOptions(server.url));
    const token = await sign(pair, good);
    expect(await login(token)).toBe("defer");
    server.trouble = null;
    clock.advance(30_001);
    expect(await login(token)).toBe("anna@example.org");
  });

  it("that are known go on while the issuer is away, for a day", async () => {
    const [server, pair] = [await issuer(), await keyPair("ES256", "k1")];
    server.keys = [pair.jwk];
    const { login, clock } = await started(jwtOptions(server.url));
    const token = await sign(pair, { ...good, exp: NOW + 10 * 86_400 });
    await login(token);
    server.trouble = { status: 500 };
    clock.advance(23 * 3_600_000);
    expect(await login(token)).toBe("anna@example.org");
    clock.advance(2 * 3_600_000);
    expect(await login(token)).toBe("defer");
  });

  it("come by HTTPS from an issuer that the given authority vouches for, and from no other", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postern-oauth-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
    const how = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const who = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    execFileSync("openssl", [...how, ...who, "-keyout", key, "-out", cert], { stdio: "ignore" });
    const server = await issuer({ cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") });
    const pair = await keyPair("ES256", "k1");
    server.keys = [pair.jwk];
    const token = await sign(pair, good);
    const trusting = await started(jwtOptions(server.url, { ca: "cert.pem" }), directory);
    expect(await trusting.login(token)).toBe("anna@example.org");
    const other = await started(jwtOptions(server.url));
    expect(await other.login(token)).toBe("defer");
  });
});

describe("introspection", () => {
  async function asking(more: object = {}) {
    const server = await issuer();
    const directory = await mkdtemp(join(tmpdir(), "postern-oauth-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, "secret"), "p:ss w\n");
    const introspection = { url: `${server.url}/introspect`, clientId: "mail server", clientSecretFile: "secret" };
    return { server, ...(await started({ introspection, loginClaim: "username", ...more }, directory)) };
  }
  const active = { active: true, username: "anna", scope: "mail", exp: NOW + 60, aud: "mail", iss: ISSUER };

  it.each([
    ["active", active, "anna"],
    ["inactive", { active: false }, "proceed"],
    ["active in a manner of speaking", { ...active, active: "true" }, "proceed"],
    ["expired", { ...active, exp: NOW - 60 }, "proceed"],
    ["not yet valid", { ...active, nbf: NOW + 60 }, "proceed"],
    ["without a scope", { ...active, scope: "chat" }, "proceed"],
    ["of another issuer", { ...active, iss: "https://other.example/" }, "proceed"],
    ["without an issuer", { ...active, iss: undefined }, "anna"],
    ["for another audience", { ...active, aud: "chat" }, "proceed"],
    ["without a name", { ...active, username: undefined }, "proceed"],
  ])("a token that is %s", async (_, answer, expected) => {
    const { server, login } = await asking({ scopes: ["mail"], audience: ["mail"], issuer: ISSUER });
    server.tokens.set("t/+=", answer);
    expect(await login("t/+=")).toBe(expected);
    const credentials = Buffer.from("mail%20server:p%3Ass%20w").toString("base64");
    expect(server.requests).toEqual([`POST /introspect Basic ${credentials}`]);
  });

  it("a token that the issuer does not know goes on to other plugins", async () => {
    const { login } = await asking();
    expect(await login("unknown")).toBe("proceed");
  });

  it.each([
    ["401: it does not know us", { status: 401 }],
    ["an error", { status: 500 }],
    ["no object", { body: '"active"' }],
    ["nothing", { hangs: true }],
  ])("%s: deferred, and the log says why without the token", async (_, trouble) => {
    const { server, login, lines } = await asking({ timeout: "300ms" });
    server.trouble = trouble;
    expect(await login("s3cr3t-token")).toBe("defer");
    expect(lines).toMatchObject([{ text: "token unavailable", fields: { why: expect.any(String) } }]);
    expect(JSON.stringify(lines)).not.toMatch(/s3cr3t|p:ss/);
  });

  it("an issuer that is not there is deferred", async () => {
    const { server, login } = await asking();
    await server.close();
    expect(await login("t")).toBe("defer");
  });

  it("does not ask too much at once", async () => {
    const { server, login } = await asking({ timeout: "300ms" });
    server.trouble = { hangs: true };
    const answers = await Promise.all(Array.from({ length: 80 }, () => login("t")));
    expect(new Set(answers)).toEqual(new Set(["defer"]));
    expect(server.requests.length).toBeLessThanOrEqual(64);
  });
});

describe("the config", () => {
  it.each([
    ["neither way", {}, "one of jwks and introspection"],
    ["keys without an issuer", { jwks: { url: "https://x.example/keys" }, audience: ["mail"] }, "jwks needs issuer"],
    ["keys without an audience", { jwks: { url: "https://x.example/keys" }, issuer: ISSUER }, "jwks needs audience"],
    ["keys by HTTP", jwtOptions("http://x.example"), "is no https URL"],
    ["no URL", jwtOptions("example.org"), "is no https URL"],
  ])("%s keeps the server from starting", async (_, options, expected) => {
    await expect(started(options)).rejects.toThrow(expected);
  });

  it.each(["none", "HS256"])("algorithm %s is not among those that can be written", (name) => {
    expect(() =>
      optionsOf(plugin, { ...jwtOptions("https://x.example"), jwks: { url: "https://x", algorithms: [name] } }),
    ).toThrow("algorithms");
  });

  it("check warns where any token would do", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postern-oauth-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, "secret"), "x");
    const introspection = { url: "https://x.example/", clientId: "x", clientSecretFile: "secret" };
    const { kernel } = await started({ introspection }, directory);
    expect(await kernel.check()).toMatchObject([
      { severity: "warning", text: expect.stringContaining("any active token") },
    ]);
  });

  it("passwords and certificates are not its matter", async () => {
    const { kernel } = await started(jwtOptions("https://x.example"));
    const attempt = { kind: "password", login: "a", authzid: null, password: "b" } as const;
    expect((await kernel.claim("auth", attempt, sessionOf())).verdict).toBeNull();
  });
});
