import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LoginMethods, ServerFacts } from "postern/plugin";
import { addressOf, keptLog, kernelWith, optionsOf } from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import plugin from "./index.ts";

const SHA = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
const YAML = `# who is who
accounts:
  - address: anna@example.org
    password: "${SHA}" # from the old server
  - address: bob@example.org
    password: ["{PLAIN}phone", "${SHA}"]
`;
const PASSWD = `# who is who\nanna@example.org:${SHA}::::::\nbob@example.org:{PLAIN}x:1:2:Bob:/home/bob::quota_rule=*:storage=1G\n`;

async function directoryWith(name: string, content: string, options: object = { rehash: "ARGON2ID" }) {
  const directory = await mkdtemp(join(tmpdir(), "postern-rehash-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, name);
  await writeFile(path, content, { mode: 0o600 });
  const postmaster = addressOf("p@example.org");
  const facts = {
    hostname: "mx.example.org",
    dataDir: directory,
    origin: "example.org",
    version: "0",
    postmaster,
    recipientDelimiter: "+",
  };
  const methods: (() => readonly string[])[] = [];
  const { log, lines } = keptLog();
  const kernel = await kernelWith(
    {
      log,
      configDir: directory,
      services: [
        [ServerFacts, facts],
        [LoginMethods, { register: (backEnd: { methods(): readonly string[] }) => methods.push(backEnd.methods) }],
      ],
    },
    [plugin, optionsOf(plugin, { path: name, ...options })],
  );
  const stored = async (login: string) => {
    const { verdict } = await kernel.claim("credentials", { login, authzid: null });
    if (verdict?.verdict !== "stored") throw new Error(`${login} has nothing stored`);
    return verdict;
  };
  const replace = async (login: string, old: string, fresh: string) =>
    (await stored(login)).rehash?.replace(old, fresh);
  return { kernel, lines, path, stored, replace, methods: () => methods.map((one) => one()) };
}

const ARGON = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA";

describe("rehash", () => {
  it.each([
    ["accounts.yaml", YAML],
    ["passwd", PASSWD],
  ])("%s: puts the new secret in the old one's place and leaves all else as it was", async (name, content) => {
    const { path, stored, replace } = await directoryWith(name, content);
    expect((await stored("anna@example.org")).rehash?.scheme).toBe("ARGON2ID");
    expect(await replace("anna@example.org", SHA, ARGON)).toBe(true);
    expect(await readFile(path, "utf8")).toBe(content.replace(SHA, ARGON));
    expect((await stored("anna@example.org")).secrets).toEqual([ARGON]);
  });

  it("of several secrets replaces the one that was shown", async () => {
    const { stored, replace } = await directoryWith("accounts.yaml", YAML);
    expect(await replace("bob@example.org", SHA, ARGON)).toBe(true);
    expect((await stored("bob@example.org")).secrets).toEqual(["{PLAIN}phone", ARGON]);
  });

  it.each([
    ["accounts.yaml", YAML],
    ["passwd", PASSWD],
  ])("%s: never overwrites a password that was changed meanwhile", async (name, content) => {
    const { path, replace } = await directoryWith(name, content);
    expect(await replace("anna@example.org", "{PLAIN}old", ARGON)).toBe(false);
    expect(await readFile(path, "utf8")).toBe(content);
  });

  it("two at once: one wins, and the file is whole", async () => {
    const { path, replace } = await directoryWith("accounts.yaml", YAML);
    const answers = await Promise.all([
      replace("anna@example.org", SHA, `${ARGON}1`),
      replace("anna@example.org", SHA, `${ARGON}2`),
      replace("bob@example.org", SHA, `${ARGON}3`),
    ]);
    expect(answers.filter((done) => done)).toHaveLength(2);
    expect((await readFile(path, "utf8")).match(/ARGON2ID/g)).toHaveLength(2);
  });

  it("rejects where the file cannot be edited", async () => {
    const { path, replace } = await directoryWith("accounts.yaml", YAML);
    await rm(path);
    await mkdir(path);
    await expect(replace("anna@example.org", SHA, ARGON)).rejects.toThrow("EISDIR");
  });

  it("is not done unless asked for", async () => {
    const { stored } = await directoryWith("accounts.yaml", YAML, {});
    expect((await stored("anna@example.org")).rehash).toBeUndefined();
  });
});

describe("what the stored secrets are good for", () => {
  const scram = (hash: number) => `{SCRAM-SHA-${hash}}4096,c2FsdA==,a2V5,a2V5`;
  const file = (...secrets: string[]) =>
    `accounts:\n${secrets.map((secret, at) => `  - { address: u${at}@example.org, password: ${secret} }`).join("\n")}\n`;

  it.each([
    ["nobody", [], []],
    ["clear text", ['"{PLAIN}x"'], ["scram-sha-256", "scram-sha-1"]],
    ["SCRAM for all", [`"${scram(256)}"`, '["{ARGON2ID}x", "{scram-sha-256}y"]'], ["scram-sha-256"]],
    ["SHA-1", [`"${scram(1)}"`], ["scram-sha-1"]],
    ["one without", [`"${scram(256)}"`, '"{ARGON2ID}x"'], []],
    ["one that cannot log in", [`"${scram(256)}"`, '""'], ["scram-sha-256"]],
  ])("%s", async (_, secrets, expected) => {
    const { methods } = await directoryWith("accounts.yaml", file(...secrets));
    expect(methods()).toEqual([expected]);
  });

  it("check warns of clear text and of digests that are quick to guess, with lines and without secrets", async () => {
    const { kernel, path } = await directoryWith("accounts.yaml", YAML);
    expect((await kernel.check()).map(({ severity, text }) => [severity, text])).toEqual([
      ["warning", `${path}: passwords are stored in clear (line 5)`],
      ["warning", `${path}: passwords are stored with digests that are quick to guess (lines 3, 5)`],
    ]);
  });
});
