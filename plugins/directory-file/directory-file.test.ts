import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verify } from "@node-rs/argon2";
import { parseAddress } from "postern/mail";
import { type AccountAdmin, AccountAdmins, ServerFacts } from "postern/plugin";
import { keptLog, kernelWith } from "postern/testing";
import { afterEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

const address = (text: string) => {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`${text} is no address`);
  return parsed;
};

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function workplace() {
  const directory = await mkdtemp(join(tmpdir(), "postern-directory-"));
  cleanups.push(() => rm(directory, { recursive: true }));
  return directory;
}

async function directoryWith(file: string, content: string | null, options: object = {}, where?: string) {
  const directory = where ?? (await workplace());
  const path = join(directory, file);
  if (content !== null) await writeFile(path, content, { mode: 0o600 });
  const admins: AccountAdmin[] = [];
  const { log, lines } = keptLog();
  const kernel = await kernelWith(
    {
      log,
      configDir: directory,
      services: [
        [
          ServerFacts,
          {
            hostname: "mx.example.org",
            dataDir: "/data",
            origin: "example.org",
            recipientDelimiter: "+",
            version: "0",
            postmaster: address("p@example.org"),
          },
        ],
        [AccountAdmins, { register: (admin: AccountAdmin) => admins.push(admin), all: admins }],
      ],
    },
    [
      plugin,
      {
        path: file,
        format: "auto",
        domains: [],
        home: "{dataDir}/mail/{domain}/{user}",
        ...options,
      },
    ],
  );
  await kernel.start();
  cleanups.push(() => kernel.stop());
  const [admin] = admins;
  if (!admin) throw new Error("no editor was registered");
  const account = async (query: { login: string } | { address: string }) => {
    const asked = "login" in query ? query : { address: address(query.address) };
    const { verdict } = await kernel.claim("findAccount", asked);
    return verdict?.verdict === "found" ? verdict.account : (verdict?.verdict ?? "unknown");
  };
  const login = async (query: { login: string } | { address: string }) => {
    const answer = await account(query);
    return typeof answer === "string" ? answer : answer.login;
  };
  const secrets = async (name: string) => {
    const { verdict } = await kernel.claim("credentials", { login: name, authzid: null });
    return verdict?.verdict === "stored" ? verdict.secrets : (verdict?.verdict ?? "unknown");
  };
  return { kernel, admin, lines, path, directory, account, login, secrets };
}

const YAML = `# who is who
domains: [example.org]
accounts:
  # the boss
  - address: Anna@example.org # since 2001
    password: "{PLAIN}secret"
    quota: 1GiB
    quotaMessages: 1000
  - addresses: [bob@example.org, robert@example.org]
    login: bob
    home: /srv/bob
  - address: carl
    password: ["{SSHA}one", "{SSHA}two"]
`;

describe("YAML accounts", () => {
  it.each([
    [{ address: "anna@example.org" }, "Anna@example.org"],
    [{ address: "ANNA@EXAMPLE.org" }, "Anna@example.org"],
    [{ address: "anna+lists@example.org" }, "unknown"],
    [{ address: "robert@example.org" }, "bob"],
    [{ address: "carl@example.org" }, "carl@example.org"],
    [{ address: "+anna@example.org" }, "unknown"],
    [{ address: "dora@example.org" }, "unknown"],
    [{ address: "anna@example.com" }, "unknown"],
    [{ login: "anna@example.org" }, "Anna@example.org"],
    [{ login: "anna" }, "Anna@example.org"],
    [{ login: "bob" }, "bob"],
    [{ login: "robert@example.org" }, "bob"],
    [{ login: "anna+x@example.org" }, "unknown"],
    [{ login: "" }, "unknown"],
    [{ login: "@example.org" }, "unknown"],
  ])("finds %j", async (query, expected) => {
    const { login } = await directoryWith("accounts.yaml", YAML);
    expect(await login(query)).toBe(expected);
  });

  it("knows home, quota and secrets", async () => {
    const { account, secrets } = await directoryWith("accounts.yaml", YAML);
    const limits = { quotaBytes: 2 ** 30, quotaMessages: 1000 };
    expect(await account({ login: "anna" })).toMatchObject({ home: "/data/mail/example.org/anna", ...limits });
    expect(await account({ login: "bob" })).toMatchObject({ home: "/srv/bob", quotaBytes: null });
    expect(await secrets("anna")).toEqual(["{PLAIN}secret"]);
    expect(await secrets("carl@example.org")).toEqual(["{SSHA}one", "{SSHA}two"]);
    expect(await secrets("bob")).toBe("unknown");
  });

  it("serves the domains of option, file and addresses, and no others", async () => {
    const { kernel } = await directoryWith(
      "accounts.yaml",
      "domains: [b.example]\naccounts: [{address: x@c.example}]",
      {
        domains: ["A.example"],
      },
    );
    const served = async (domain: string) => (await kernel.claim("findDomain", { domain })).verdict?.verdict ?? null;
    expect(await Promise.all(["a.example", "b.example", "c.example", "d.example"].map(served))).toEqual([
      "accept",
      "accept",
      "accept",
      null,
    ]);
  });

  it("takes no bare login where two domains are served", async () => {
    const { login } = await directoryWith(
      "accounts.yaml",
      YAML.replace("[example.org]", "[example.org, example.com]").replace("address: carl", "address: carl@example.com"),
    );
    expect(await login({ login: "anna" })).toBe("unknown");
    expect(await login({ login: "anna@example.org" })).toBe("Anna@example.org");
  });
});

describe("a file with a mistake", () => {
  it.each([
    ["accounts.yaml", "accounts:\n  - address: [a@b.example\n", /accounts\.yaml:3: /],
    ["accounts.yaml", "accounts:\n  - adress: a@b.example\n", /accounts\.yaml:2: `adress` is not known here/],
    ["accounts.yaml", "accounts:\n  - password: x\n", /:2: an account needs an `address`/],
    ["accounts.yaml", "accounts:\n  - address: a@@b\n", /:2: "a@@b" is no address/],
    ["accounts.yaml", "accounts:\n  - address: anna\n", /:2: "anna" has no domain/],
    ["accounts.yaml", "accounts:\n  - address: a@b.example\n    quota: lots\n", /:3: "lots" is no size/],
    [
      "accounts.yaml",
      "accounts:\n  - {address: a@b.example}\n  - {address: A@b.example}\n",
      /:3: login a@b.example stands in line 2/,
    ],
    ["accounts.yaml", "accounts: {a: b}\n", /:1: `accounts` is a list/],
    ["accounts.yaml", "accounts:\n  - &x {address: a@b.example}\n  - *x\n", /:3: /],
    ["users", "anna:x\n", /users:1: "anna" has no domain/],
    ["users", "# c\n\na@b.example:x\nA@B.example:y\n", /users:4: login a@b.example stands in line 3/],
    ["users", "a@b.example:x::::::quota_rule=*:storage=many\n", /users:1: "many" is no size/],
  ])("%s %j is named with its line and defers", async (file, content, expected) => {
    const { kernel, lines, account } = await directoryWith(file, content, { domains: ["b.example", "c.example"] });
    const [finding] = await kernel.check();
    expect(finding).toMatchObject({ severity: "error", text: expect.stringMatching(expected) });
    expect(lines.find(({ level }) => level === "error")?.fields).toMatchObject({
      cause: expect.stringMatching(expected),
    });
    expect(await account({ address: "a@b.example" })).toBe("defer");
  });

  it("never shows a password", async () => {
    const { kernel, lines } = await directoryWith(
      "accounts.yaml",
      "accounts:\n  - address: a@b.example\n    password: {x: hunter2}\n",
    );
    expect(JSON.stringify([lines, await kernel.check()])).not.toContain("hunter2");
  });

  it("that is missing is a finding, and nobody is unknown", async () => {
    const { kernel, account, secrets } = await directoryWith("accounts.yaml", null, { domains: ["example.org"] });
    expect(await kernel.check()).toMatchObject([
      { severity: "error", text: expect.stringContaining("there is no such file") },
    ]);
    expect(await account({ address: "anna@example.org" })).toBe("defer");
    expect(await secrets("anna@example.org")).toBe("defer");
    expect((await kernel.claim("findDomain", { domain: "example.org" })).verdict?.verdict).toBe("accept");
    expect((await kernel.claim("findDomain", { domain: "elsewhere.example" })).verdict).toBeNull();
  });

  it("that everybody may read is a finding", async () => {
    const directory = await workplace();
    await writeFile(join(directory, "accounts.yaml"), YAML, { mode: 0o644 });
    const { kernel } = await directoryWith("accounts.yaml", null, {}, directory);
    expect((await kernel.check()).map(({ text }) => text)[0]).toContain("chmod 600");
  });
});

describe("a changed file", () => {
  /** The promise of the plugin: noticed within a second, and before "unknown" is said. */
  async function eventually(check: () => Promise<boolean>) {
    const until = performance.now() + 60_000;
    while (!(await check())) {
      if (performance.now() > until) throw new Error("not noticed");
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it("is taken over, written in place or renamed over", async () => {
    const { path, login, directory } = await directoryWith("accounts.yaml", YAML);
    await appendFile(path, "  - address: dora@example.org\n");
    await eventually(async () => (await login({ address: "dora@example.org" })) !== "unknown");
    await writeFile(join(directory, "new"), YAML.replace("carl", "emil"));
    await rename(join(directory, "new"), path);
    await eventually(async () => (await login({ address: "emil@example.org" })) !== "unknown");
    expect(await login({ address: "dora@example.org" })).toBe("unknown");
  });

  it("that is broken leaves the former content in force, and is logged once", async () => {
    const { path, login, lines } = await directoryWith("accounts.yaml", YAML);
    await writeFile(path, "accounts: [");
    const errors = () => lines.filter(({ level }) => level === "error");
    await eventually(async () => (await login({ address: "nobody@example.org" })) === "unknown" && errors().length > 0);
    expect(await login({ address: "anna@example.org" })).toBe("Anna@example.org");
    expect(errors()).toHaveLength(1);
    await rm(path);
    await eventually(async () => (await login({ address: "nobody@example.org" })) === "unknown" && errors().length > 1);
    expect(await login({ address: "anna@example.org" })).toBe("Anna@example.org");
    await writeFile(path, YAML.replace("Anna", "Berta"));
    await eventually(async () => (await login({ address: "berta@example.org" })) !== "unknown");
    expect(await login({ address: "anna@example.org" })).toBe("unknown");
  });
});

describe("passwd-file", () => {
  const PASSWD = [
    "# Dovecot",
    "anna@example.org:{BLF-CRYPT}$2y$05$x:5000:5000::/srv/anna::userdb_quota_rule=*:storage=1G",
    "bob:{PLAIN}pass word",
    "carl@example.org:!{PLAIN}locked",
    "dora@example.org::::::",
    "emil@example.org:{PLAIN}x::::::allow_nets=127.0.0.0/8",
    "",
  ].join("\n");

  it("is read as Dovecot reads it", async () => {
    const { account, secrets, kernel } = await directoryWith("users", PASSWD, { domains: ["example.org"] });
    expect(await account({ login: "anna" })).toMatchObject({ home: "/srv/anna", quotaBytes: 2 ** 30 });
    expect(await secrets("anna@example.org")).toEqual(["{BLF-CRYPT}$2y$05$x"]);
    expect(await account({ login: "bob@example.org" })).toMatchObject({
      login: "bob",
      home: "/data/mail/example.org/bob",
    });
    expect(await secrets("bob")).toEqual(["{PLAIN}pass word"]);
    for (const barred of ["carl", "dora", "emil"]) expect(await secrets(barred)).toBe("unknown");
    expect((await kernel.check()).slice(0, 1)).toMatchObject([
      { severity: "warning", text: expect.stringContaining("users:6: allow_nets") },
    ]);
  });

  it("keeps every other line when it is edited", async () => {
    const { admin, path } = await directoryWith("users", `${PASSWD}frida@example.org:x`, { domains: ["example.org"] });
    expect(await admin.add(address("gerd@example.org"), "one")).toEqual({ at: "done" });
    expect(await admin.setPassword("anna@example.org", "two")).toEqual({ at: "done" });
    expect(await admin.remove("bob")).toEqual({ at: "done" });
    const lines = (await readFile(path, "utf8")).split("\n");
    const before = PASSWD.split("\n");
    expect(lines[0]).toBe(before[0]);
    expect(lines[1]).toMatch(
      /^anna@example\.org:\{ARGON2ID\}\$argon2id\$[^:]+:5000:5000::\/srv\/anna::userdb_quota_rule=\*:storage=1G$/,
    );
    expect(lines.slice(2, 5)).toEqual(before.slice(3, 6));
    expect(lines[5]).toBe("frida@example.org:x");
    expect(lines[6]).toMatch(/^gerd@example\.org:\{ARGON2ID\}/);
  });
});

describe("editing YAML accounts", () => {
  it("keeps comments and order, and stores a hash that fits", async () => {
    const { admin, path, secrets } = await directoryWith("accounts.yaml", YAML);
    expect(await admin.add(address("dora@example.org"), "päss wörd")).toEqual({ at: "done" });
    const text = await readFile(path, "utf8");
    expect(text.startsWith(YAML)).toBe(true);
    const [secret = ""] = (await secrets("dora@example.org")) as string[];
    expect(secret).toMatch(/^\{ARGON2ID\}\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await verify(secret.slice("{ARGON2ID}".length), "päss wörd")).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("makes the file, with its directory, where there is none", async () => {
    const { admin, path, login } = await directoryWith("new/accounts.yaml", null, { domains: ["example.org"] });
    expect(admin.serves("EXAMPLE.org")).toBe(true);
    expect(await admin.list()).toEqual([]);
    expect(await admin.add(address("anna@example.org"), "x")).toEqual({ at: "done" });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await login({ address: "anna@example.org" })).toBe("anna@example.org");
  });

  it.each([
    ["# only a comment\n"],
    ["domains: [example.org]\n"],
    ["accounts:\n"],
    ["accounts: []\n"],
    ["accounts: [{ address: b@example.org }]\n"],
  ])("adds to %j", async (content) => {
    const { admin, login } = await directoryWith("accounts.yaml", content, { domains: ["example.org"] });
    expect(await admin.add(address("anna@example.org"), "x")).toEqual({ at: "done" });
    expect(await login({ address: "anna@example.org" })).toBe("anna@example.org");
  });

  it("sets and removes by login or address, and drops the account's old password", async () => {
    const { admin, secrets, login, path } = await directoryWith("accounts.yaml", YAML);
    expect(await admin.setPassword("ROBERT@example.org", "new")).toEqual({ at: "done" });
    expect(await secrets("bob")).toEqual([expect.stringMatching(/^\{ARGON2ID\}/)]);
    expect(await admin.setPassword("carl@example.org", "new")).toEqual({ at: "done" });
    expect(await secrets("carl")).toHaveLength(1);
    expect(await admin.remove("Anna@example.org")).toEqual({ at: "done" });
    expect(await login({ login: "anna" })).toBe("unknown");
    expect(await readFile(path, "utf8")).toContain("# who is who");
  });

  it("refuses what cannot be", async () => {
    const { admin, path } = await directoryWith("accounts.yaml", YAML);
    expect(await admin.add(address("ROBERT@example.org"), "x")).toMatchObject({ at: "refused", cause: "exists" });
    expect(await admin.add(address("x@elsewhere.example"), "x")).toMatchObject({ at: "refused", cause: "foreign" });
    expect(await admin.setPassword("nobody", "x")).toMatchObject({ at: "refused", cause: "unknown" });
    expect(await admin.remove("nobody@example.org")).toMatchObject({ at: "refused", cause: "unknown" });
    expect(await readFile(path, "utf8")).toBe(YAML);
  });

  it("never edits a broken file", async () => {
    const { admin, path } = await directoryWith("accounts.yaml", "accounts: [", { domains: ["example.org"] });
    await expect(admin.add(address("anna@example.org"), "x")).rejects.toThrow(/accounts\.yaml:\d+: /);
    expect(await readFile(path, "utf8")).toBe("accounts: [");
  });

  it("loses no account when many are added at once from two servers", async () => {
    const one = await directoryWith("accounts.yaml", YAML);
    const two = await directoryWith("accounts.yaml", null, {}, one.directory);
    const names = Array.from({ length: 8 }, (_, at) => `user${at}@example.org`);
    const done = await Promise.all(names.map((name, at) => (at % 2 ? one : two).admin.add(address(name), "x")));
    expect(done).toEqual(names.map(() => ({ at: "done" })));
    const logins = (await one.admin.list()).map(({ login }) => login);
    expect(logins).toEqual(expect.arrayContaining(names));
    expect(logins).toHaveLength(3 + names.length);
  });

  it("follows a link instead of replacing it", async () => {
    const directory = await workplace();
    await mkdir(join(directory, "real"));
    await writeFile(join(directory, "real/accounts.yaml"), YAML);
    await symlink("real/accounts.yaml", join(directory, "accounts.yaml"));
    const { admin } = await directoryWith("accounts.yaml", null, {}, directory);
    expect(await admin.add(address("dora@example.org"), "x")).toEqual({ at: "done" });
    expect(await readFile(join(directory, "real/accounts.yaml"), "utf8")).toContain("dora@example.org");
  });
});

describe("homes", () => {
  it.each([
    ["anna@example.org", "/data/mail/example.org/anna"],
    ["Anna.B@example.org", "/data/mail/example.org/anna.b"],
    ['"../../etc"@example.org', "/data/mail/example.org/%2E.%2F..%2Fetc"],
    ['".."@example.org', "/data/mail/example.org/%2E."],
    ['"a/b"@example.org', "/data/mail/example.org/a%2Fb"],
    ['"a%2fb"@example.org', "/data/mail/example.org/a%252fb"],
    ['"a b"@example.org', "/data/mail/example.org/a%20b"],
    ["jürgen@example.org", "/data/mail/example.org/j%C3%BCrgen"],
    ["a@[127.0.0.1]", "/data/mail/%5B127.0.0.1%5D/a"],
  ])("of %s stays in its place", async (written, expected) => {
    const { account } = await directoryWith("accounts.yaml", `accounts: [{ address: ${JSON.stringify(written)} }]`);
    expect(await account({ address: written })).toMatchObject({ home: expected });
  });

  it("refuses a template that all accounts would share, or with unknown words", async () => {
    await expect(directoryWith("accounts.yaml", YAML, { home: "/mail" })).rejects.toThrow("{user}");
    await expect(directoryWith("accounts.yaml", YAML, { home: "/mail/{user}/{uid}" })).rejects.toThrow("{uid}");
  });

  it("are relative to the config file", async () => {
    const { account, directory } = await directoryWith("accounts.yaml", YAML, { home: "mail/{user}" });
    expect(await account({ login: "anna" })).toMatchObject({ home: join(directory, "mail/anna") });
  });
});
