import { describe, expect, it, onTestFinished } from "vitest";
import type { Account } from "../contracts/account.ts";
import type { Session } from "../contracts/session.ts";
import { definePlugin, type Plugin } from "../kernel/define.ts";
import { createSession } from "../kernel/session.ts";
import { allow, authenticated, defer, found, proceed, reject, stored } from "../kernel/verdicts.ts";
import { parseAddress } from "../mail/address.ts";
import { keptLog, kernelOf } from "../testing/kernel.ts";
import { createAccounts } from "./accounts.ts";
import { createLogins } from "./logins.ts";

const annaAddress = parseAddress("anna@example.org");
if (!annaAddress) throw new Error("no address");
const anna: Account = { login: "anna@example.org", addresses: [annaAddress], home: "/data/anna", quotaBytes: null };

const directory = definePlugin({
  name: "directory-test",
  api: 1,
  setup: () => ({
    hooks: {
      findAccount: (query) => ("login" in query && query.login === anna.login ? found(anna) : proceed),
      credentials: ({ login }) => {
        if (login === "anna" || login === anna.login)
          return stored({ login: anna.login, account: anna }, ["{PLAIN}secret"]);
        if (login === "broken") return stored({ login: "broken" }, ["{NEVER-HEARD}x"]);
        return login === "down" ? defer("directory down") : proceed;
      },
    },
  }),
});

const sessionFrom = (address: string, isTls = false): Session =>
  createSession({
    id: "s1",
    protocol: "imap",
    listener: { name: "imap", role: "imap" },
    local: { address: "127.0.0.1", port: 143 },
    remote: { address, port: 4321, hostname: null },
    tls: isTls ? { protocol: "TLSv1.3", cipher: "x", servername: null, clientCertificate: null } : null,
  });

async function loginsOf(...plugins: Plugin[]) {
  const told: unknown[] = [];
  const notices = definePlugin({
    name: "see-notices",
    api: 1,
    setup: () => ({
      hooks: {
        login: (session) => {
          told.push(["login", session.identity?.login]);
        },
        authFailed: (_, login) => {
          told.push(["authFailed", login]);
        },
      },
    }),
  });
  const { log, lines } = keptLog();
  const kernel = await kernelOf(notices, ...plugins);
  const logins = createLogins(kernel, { log, clock: Date, passwords: { threads: 1 } });
  onTestFinished(() => logins.close());
  return { logins, kernel, lines, told };
}

const local = () => sessionFrom("127.0.0.1");
const plainMessage = (login: string, password: string, authzid = "") =>
  Buffer.from(`${authzid}\0${login}\0${password}`);

describe("mechanisms", () => {
  it.each([
    ["127.0.0.1", false, ["PLAIN", "LOGIN"]],
    ["127.8.9.10", false, ["PLAIN", "LOGIN"]],
    ["::1", false, ["PLAIN", "LOGIN"]],
    ["::ffff:127.0.0.1", false, ["PLAIN", "LOGIN"]],
    ["unix", false, ["PLAIN", "LOGIN"]],
    ["192.0.2.1", false, []],
    ["127.0.0.1.example.org", false, []],
    ["2001:db8::1", false, []],
    ["192.0.2.1", true, ["PLAIN", "LOGIN"]],
  ])("offered to %s (TLS: %s)", async (address, isTls, expected) => {
    const { logins } = await loginsOf(directory);
    const session = sessionFrom(address, isTls);
    expect(logins.mechanisms(session)).toEqual(expected);
    const { step } = await logins.begin(session, "PLAIN", plainMessage("anna", "secret"));
    const password = await logins.password(sessionFrom(address, isTls), "anna", "secret");
    for (const one of [step, password]) {
      expect(one).toMatchObject(expected.length > 0 ? { at: "success" } : { at: "failure", cause: "encryption" });
    }
  });

  it("that are not known, and what comes after the end", async () => {
    const { logins } = await loginsOf(directory);
    const { step, conversation } = await logins.begin(local(), "CRAM-MD5", null);
    expect(step).toMatchObject({ at: "failure", cause: "mechanism", isTemporary: false });
    expect(await conversation.next(Buffer.from("x"))).toMatchObject({ at: "failure" });
  });

  it("PLAIN with and without an initial response", async () => {
    const { logins } = await loginsOf(directory);
    const session = local();
    const { step, conversation } = await logins.begin(session, "plain", null);
    expect(step).toEqual({ at: "challenge", data: new Uint8Array(0) });
    expect(await conversation.next(plainMessage("anna", "secret"))).toEqual({
      at: "success",
      identity: { login: anna.login, account: anna, mechanism: "PLAIN" },
    });
    expect(session.identity?.account).toBe(anna);
    expect(await conversation.next(plainMessage("anna", "secret"))).toMatchObject({ at: "failure" });
  });

  it("LOGIN, with the name as initial response too", async () => {
    const { logins } = await loginsOf(directory);
    const first = await logins.begin(local(), "LOGIN", null);
    expect(first.step).toMatchObject({ at: "challenge", data: Buffer.from("Username:") });
    expect(await first.conversation.next(Buffer.from("anna"))).toMatchObject({ data: Buffer.from("Password:") });
    expect(await first.conversation.next(Buffer.from("secret"))).toMatchObject({ at: "success" });
    const second = await logins.begin(local(), "LOGIN", Buffer.from("anna"));
    expect(second.step).toMatchObject({ data: Buffer.from("Password:") });
    expect(await second.conversation.next(Buffer.from("wrong"))).toMatchObject({ at: "failure", cause: "invalid" });
  });

  it("end when they are cancelled", async () => {
    const { logins, told } = await loginsOf(directory);
    const { conversation } = await logins.begin(local(), "LOGIN", Buffer.from("anna"));
    conversation.cancel();
    expect(await conversation.next(Buffer.from("secret"))).toMatchObject({ at: "failure", cause: "cancelled" });
    expect(told).toEqual([]);
  });

  it.each([
    ["empty", Buffer.alloc(0)],
    ["one NUL", Buffer.from("anna\0secret")],
    ["three NULs", Buffer.from("\0anna\0sec\0ret")],
    ["no login", Buffer.from("\0\0secret")],
    ["no password", Buffer.from("\0anna\0")],
    ["not UTF-8", Buffer.from([0, 0x61, 0, 0xff, 0xfe])],
    ["a control character in the login", plainMessage("an\nna", "secret")],
    ["a control character in the password", plainMessage("anna", "sec\u0085ret")],
    ["a login without end", plainMessage("a".repeat(2_000), "secret")],
    ["a password without end", plainMessage("anna", "s".repeat(2_000))],
  ])("PLAIN that is %s is malformed, and nobody is asked", async (_, message) => {
    const asked: unknown[] = [];
    const plugin = definePlugin({
      name: "policy-see",
      api: 1,
      setup: () => ({
        hooks: {
          authAttempt: (_session, attempt) => {
            asked.push(attempt);
            return proceed;
          },
        },
      }),
    });
    const { logins } = await loginsOf(plugin, directory);
    expect((await logins.begin(local(), "PLAIN", message)).step).toMatchObject({ at: "failure", cause: "malformed" });
    expect(asked).toEqual([]);
  });

  it.each([
    ["", "secret"],
    ["anna", ""],
    ["an\0na", "secret"],
    ["anna", "sec\0ret"],
  ])("password(%j, %j) is malformed", async (login, password) => {
    const { logins } = await loginsOf(directory);
    expect(await logins.password(local(), login, password)).toMatchObject({ at: "failure", cause: "malformed" });
  });
});

describe("acting as another", () => {
  const masters = definePlugin({
    name: "directory-masters",
    api: 1,
    setup: () => ({
      hooks: {
        credentials: ({ login, authzid }) =>
          login === "master" && authzid === "anna@example.org"
            ? stored({ login: "anna@example.org" }, ["{PLAIN}secret"])
            : proceed,
      },
    }),
  });

  it.each([
    ["anna", "anna", "success"],
    ["anna", "Anna@Example.org", "success"],
    ["anna", "bob", "failure"],
    ["anna", "root", "failure"],
    ["master", "anna@example.org", "success"],
    ["master", "bob@example.org", "failure"],
  ])("%s as %s: %s", async (login, authzid, expected) => {
    const { logins } = await loginsOf(masters, directory);
    const session = local();
    const { step } = await logins.begin(session, "PLAIN", plainMessage(login, "secret", authzid));
    expect(step.at).toBe(expected);
    expect(session.identity?.login ?? null).toBe(expected === "success" ? anna.login : null);
  });
});

describe("what plugins answer", () => {
  const auth = (verdict: ReturnType<typeof authenticated | typeof reject | typeof defer>) =>
    definePlugin({ name: "auth-test", api: 1, setup: () => ({ hooks: { auth: () => verdict } }) });
  const attempt = (verdict: ReturnType<typeof reject | typeof defer | typeof allow>) =>
    definePlugin({ name: "policy-attempt", api: 1, setup: () => ({ hooks: { authAttempt: () => verdict } }) });

  it("authAttempt refuses before anybody looks at the password", async () => {
    const asked: string[] = [];
    const spy = definePlugin({
      name: "auth-spy",
      api: 1,
      setup: () => ({
        hooks: {
          credentials: ({ login }) => {
            asked.push(login);
            return proceed;
          },
        },
      }),
    });
    const { logins } = await loginsOf(attempt(defer("Too many failures, wait")), spy);
    expect(await logins.password(local(), "anna", "secret")).toEqual({
      at: "failure",
      cause: "refused",
      text: "Too many failures, wait",
      isTemporary: true,
    });
    expect(asked).toEqual([]);
    const { logins: permanent } = await loginsOf(attempt(reject("Go away")), directory);
    expect(await permanent.password(local(), "anna", "secret")).toMatchObject({ text: "Go away", isTemporary: false });
    const { logins: allowing } = await loginsOf(attempt(allow("fine")), directory);
    expect(await allowing.password(local(), "anna", "wrong")).toMatchObject({ cause: "invalid" });
  });

  it("unknown user and wrong password get the same answer, and are told alike", async () => {
    const { logins, told, lines } = await loginsOf(directory);
    const wrong = await logins.password(local(), "anna", "wrong");
    const unknown = await logins.password(local(), "nobody", "wrong");
    expect(unknown).toEqual(wrong);
    expect(wrong).toEqual({
      at: "failure",
      cause: "invalid",
      text: "Authentication credentials invalid",
      isTemporary: false,
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([
      ["authFailed", "anna"],
      ["authFailed", "nobody"],
    ]);
    expect(lines.filter(({ text }) => text === "login failed").map(({ fields }) => fields.cause)).toEqual([
      "invalid",
      "invalid",
    ]);
    expect(JSON.stringify(lines)).not.toContain("wrong");
  });

  it("a directory that is down is temporary, never invalid, and nobody is blamed", async () => {
    const { logins, told } = await loginsOf(directory);
    for (const login of ["down", "broken"]) {
      expect(await logins.password(local(), login, "x")).toMatchObject({ cause: "unavailable", isTemporary: true });
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([]);
  });

  it("a plugin that throws is a directory that is down", async () => {
    const broken = definePlugin({
      name: "directory-broken",
      api: 1,
      setup: () => ({
        hooks: {
          credentials: () => {
            throw new Error("boom");
          },
        },
      }),
    });
    const { logins } = await loginsOf(broken);
    expect(await logins.password(local(), "anna", "secret")).toMatchObject({ cause: "unavailable" });
  });

  it("auth is asked when nobody stored anything, and its account is looked up", async () => {
    const { logins, told } = await loginsOf(auth(authenticated({ login: anna.login })), directory);
    const session = local();
    expect(await logins.password(session, "ldap-anna", "x")).toMatchObject({ at: "success" });
    expect(session.identity).toEqual({ login: anna.login, account: anna, mechanism: "password" });
    expect(await logins.password(local(), "anna", "x")).toMatchObject({ cause: "invalid" });
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toContainEqual(["login", anna.login]);
  });

  it("auth may refuse in its own words, or not now", async () => {
    const refusing = await loginsOf(auth(reject("Account disabled")), directory);
    expect(await refusing.logins.password(local(), "x", "x")).toMatchObject({
      cause: "refused",
      text: "Account disabled",
    });
    const down = await loginsOf(auth(defer("LDAP down")), directory);
    expect(await down.logins.password(local(), "x", "x")).toMatchObject({ cause: "unavailable", isTemporary: true });
  });

  it("many sessions at once each get their own identity", async () => {
    const { logins } = await loginsOf(directory);
    const sessions = Array.from({ length: 40 }, local);
    const steps = await Promise.all(
      sessions.map((one, at) => logins.password(one, "anna", at % 2 ? "secret" : "wrong")),
    );
    expect(steps.map(({ at }) => at)).toEqual(sessions.map((_, at) => (at % 2 ? "success" : "failure")));
    expect(sessions.map(({ identity }) => identity !== null)).toEqual(sessions.map((_, at) => at % 2 === 1));
  });
});

describe("accounts", () => {
  const domains = definePlugin({
    name: "directory-domains",
    api: 1,
    setup: () => ({
      hooks: {
        findDomain: ({ domain }) =>
          domain === "down.example"
            ? defer("down")
            : domain === "example.org"
              ? { verdict: "accept" as const, reason: "x" }
              : proceed,
        findAccount: (query) => ("login" in query && query.login === "down" ? defer("down") : proceed),
      },
    }),
  });

  it("are found without the extension where nobody has the whole address", async () => {
    const asked: string[] = [];
    const { kernel } = await loginsOf(
      definePlugin({
        name: "directory-extensions",
        api: 1,
        setup: () => ({
          hooks: {
            findAccount(query) {
              if (!("address" in query)) return proceed;
              asked.push(query.address.toString());
              if (query.address.localPart === "down-x") return defer("down");
              return ["anna", "anna+own"].includes(query.address.localPart)
                ? found({ ...anna, login: query.address.localPart })
                : proceed;
            },
          },
        }),
      }),
    );
    const accounts = createAccounts(kernel, "+-");
    const find = async (raw: string) => {
      const address = parseAddress(`${raw}@example.org`);
      const answer = address && (await accounts.byAddress(address));
      return answer?.at === "found" ? answer.account.login : answer?.at;
    };
    expect(await find("anna+lists")).toBe("anna");
    expect(await find("anna-a+b")).toBe("anna");
    expect(await find("anna+own")).toBe("anna+own");
    expect(await find("bob+x")).toBe("unknown");
    asked.length = 0;
    expect(await find("down-x")).toBe("unavailable");
    expect(asked).toEqual(["down-x@example.org"]);
    const address = parseAddress("anna+lists@example.org");
    expect(address && (await createAccounts(kernel).byAddress(address)).at).toBe("unknown");
  });

  it("are found, unknown or unavailable", async () => {
    const accounts = createAccounts((await loginsOf(domains, directory)).kernel);
    expect(await accounts.byLogin(anna.login)).toEqual({ at: "found", account: anna });
    expect(await accounts.byAddress(annaAddress)).toEqual({ at: "unknown" });
    expect(await accounts.byLogin("down")).toEqual({ at: "unavailable", reason: "down" });
    expect(await Promise.all(["EXAMPLE.org", "x.example", "down.example"].map((one) => accounts.domain(one)))).toEqual([
      "served",
      "foreign",
      "unavailable",
    ]);
  });
});
