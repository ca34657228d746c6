import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "./load-config.ts";
import { type Mistake, renderMistakes } from "./mistake.ts";

let site: string;
beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-mistakes-"));
  await mkdir(join(site, "plugins"));
  await writeFile(
    join(site, "plugins/limit.ts"),
    `import { definePlugin, Duration, proceed, Size, Type } from "postern/plugin";
     export default definePlugin({ name: "policy-limit", api: 1, config: Type.Object({
       limit: Type.Integer({ minimum: 1, default: 50 }), wait: Duration({ default: "5m", maximum: "1h" }),
       size: Size({ default: "1MiB" }), password: Type.Optional(Type.String()),
       nested: Type.Object({ deep: Type.String({ default: "x" }) }),
       kind: Type.Union([Type.Literal("grey"), Type.Literal("black")], { default: "grey" }),
       lookup: Type.Optional(Type.Union([Type.String(), Type.Object({ via: Type.Literal("ldap"), base: Type.String() }),
         Type.Object({ via: Type.Literal("sql"), query: Type.String() })])),
     }), setup: () => ({ hooks: { connect: () => proceed } }) });`,
  );
  await writeFile(
    join(site, "plugins/imap.mjs"),
    `export default { name: "access-imap", api: 1, serves: ["imap"], setup: () => ({ serve: { imap() {} } }) };`,
  );
});
afterAll(() => rm(site, { recursive: true, force: true }));

async function mistakesIn(text: string, name = "postern.config.yaml"): Promise<readonly Mistake[]> {
  const file = join(site, name);
  await writeFile(file, text);
  const loaded = await loadConfig({ file, cwd: site });
  return loaded.ok ? loaded.warnings : loaded.mistakes;
}
const brief = (mistakes: readonly Mistake[]) =>
  mistakes.map(({ line, plugin, text }) => `${line}: ${plugin === null ? "" : `${plugin}: `}${text}`);

const head = "hostname: mx.example.org\ntls: self-signed\n";
const mx = "listeners: [{ role: mx, port: 25 }]\n";

describe("a mistake in a config", () => {
  it.each<[string, string, readonly string[]]>([
    ["bad YAML", `${head}listeners: [\n  - x: }\n`, expect.arrayContaining([expect.stringMatching(/^4: /)])],
    ["a tab", "hostname: a\n\tb: c\n", expect.arrayContaining([expect.stringMatching(/^2: /)])],
    ["the same key twice", "hostname: a\nhostname: b\n", ["2: Map keys must be unique"]],
    ["an unknown tag", `${head}dataDir: !env HOME\n${mx}`, ["3: Unresolved tag: !env"]],
    ["an empty file", "", ['1: "hostname" is missing', '1: "listeners" is missing']],
    ["a list instead of a table", "- a\n", ["1: this is a list"]],
    ["an unknown key", `${head}${mx}hostnam: x\n`, ['4: unknown key "hostnam"']],
    ["a wrong type", `hostname: [a]\n${mx}`, ['1: "hostname" is a list']],
    ["a bad host name", `hostname: mx_1.example.org\n${mx}`, ['1: "hostname" is "mx_1.example.org"']],
    [
      "a bad size",
      `${head}${mx}limits:\n  recipients: 500\n  messageSize: 25 apples\n`,
      ['6: "limits.messageSize" is "25 apples"'],
    ],
    ["too small a size", `${head}${mx}limits: { messageSize: 1KiB }\n`, ['4: "limits.messageSize" is "1KiB"']],
    ["a bad postmaster", `${head}${mx}postmaster: "a@@b"\n`, ['4: "postmaster" is "a@@b"']],
    [
      "resolvers by name, or with a port that is none",
      `${head}${mx}dns: { servers: [ns.example.org, "192.0.2.1:dns", "192.0.2.1:53", "::1", "[::1]:53"] }\n`,
      ['4: "ns.example.org" is no address of a resolver', '4: "192.0.2.1:dns" is no address of a resolver'],
    ],
    ["no listeners", `${head}listeners: []\n`, ['3: "listeners" is an empty list']],
    [
      "an unknown role",
      `${head}listeners:\n  - { role: mx, port: 25 }\n  - { role: imp, port: 143 }\n`,
      ['5: nobody serves the role "imp"'],
    ],
    ["a listener without a place", `${head}listeners:\n  - role: mx\n`, ["4: a listener has neither port nor path"]],
    [
      "a listener with two places",
      `${head}listeners:\n  - { role: lmtp, port: 24, path: lmtp.sock }\n`,
      ["4: a listener has both port and path"],
    ],
    [
      "a bad tls word",
      `${head}listeners:\n  - role: mx\n    port: 25\n    tls: requird\n`,
      ['6: "listeners[0].tls" is "requird"'],
    ],
    [
      "a proxy network that is none",
      `${head}listeners:\n  - { role: mx, port: 25, proxy: { from: [192.0.2.1/24, unix] } }\n`,
      [
        '4: "192.0.2.1/24" has bits behind its prefix: did you mean 192.0.2.0/24?',
        "4: a port has no clients on a unix socket",
      ],
    ],
    [
      "a proxy without networks",
      `${head}listeners:\n  - { role: mx, port: 25, proxy: { from: [] } }\n`,
      ['4: "listeners[0].proxy.from" is an empty list'],
    ],
    ["a mode of a port", `${head}listeners:\n  - { role: mx, port: 25, mode: "0660" }\n`, ["4: a port has no mode"]],
    [
      "a mode that is none",
      `${head}listeners:\n  - { role: lmtp, path: lmtp.sock, mode: "0888" }\n`,
      ['4: "listeners[0].mode" is "0888"'],
    ],
    [
      "client certificates without authorities",
      `${head}listeners:\n  - { role: mx, port: 25, clientCertificates: require }\n`,
      ["4: client certificates are required, but nobody is named who vouches for them"],
    ],
    [
      "authorities that are not there, and of no use",
      `${head}listeners:\n  - { role: mx, port: 25, clientCa: no.pem }\n`,
      [
        expect.stringMatching(/^4: .*no.pem does not exist/),
        "4: clientCa is set, but clients are not asked for a certificate",
      ],
    ],
    [
      "certificates of a listener that are not there",
      `${head}listeners:\n  - { role: mx, port: 25, certificates: [{ cert: no.pem, key: no.key }] }\n`,
      [expect.stringMatching(/^4: .*no.pem does not exist/), expect.stringMatching(/^4: .*no.key does not exist/)],
    ],
    [
      "clientInReceived where nothing is submitted",
      `${head}listeners:\n  - { role: mx, port: 25, clientInReceived: false }\n`,
      ["4: clientInReceived is of no use for the role mx"],
    ],
    [
      "the same name twice",
      `${head}listeners:\n  - { role: mx, port: 25, name: a }\n  - { role: mx, port: 26, name: a }\n`,
      ['5: there is another listener named "a"'],
    ],
    [
      "the same port twice",
      `${head}listeners:\n  - { role: mx, port: 25 }\n  - { role: submission, host: 127.0.0.1, port: 25 }\n`,
      ['5: port 25 is taken by the listener "mx-25"'],
    ],
    [
      "TLS without a certificate",
      "hostname: a.example.org\nlisteners:\n  - { role: submission, port: 587 }\n",
      ["3: tls is required (the default for the role submission), but there is no certificate"],
    ],
    [
      "a missing certificate",
      `hostname: a.example.org\ntls:\n  cert: no.pem\n  key: no.pem\n${mx}`,
      [expect.stringMatching(/^3: .*no.pem does not exist/), expect.stringMatching(/^4: .*no.pem does not exist/)],
    ],
    ["half a certificate", `hostname: a.example.org\ntls: { cert: no.pem }\n${mx}`, ['2: "key" is missing']],
    [
      "a plugin that is not there",
      `${head}${mx}plugins:\n  - alias-vitrual\n`,
      ['5: alias-vitrual: there is no plugin "alias-vitrual"'],
    ],
    [
      "an unknown option",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts:\n      limit: 3\n      limt: 4\n`,
      ['7: ./plugins/limit.ts: unknown key "limt"'],
    ],
    [
      "a wrong option",
      `${head}${mx}plugins:\n  - use: ./plugins/limit.ts\n    with:\n      wait: 2h\n`,
      ['7: ./plugins/limit.ts: "wait" is "2h"'],
    ],
    [
      "a bare number of no unit",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts: { wait: 300 }\n`,
      ['5: ./plugins/limit.ts: "wait" is 300'],
    ],
    [
      "a wrong nested option",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts:\n      nested: { deep: 5 }\n`,
      ['6: ./plugins/limit.ts: "nested.deep" is 5'],
    ],
    [
      "a wrong word",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts: { kind: gray }\n`,
      ['5: ./plugins/limit.ts: "kind" is "gray"'],
    ],
    [
      "a mistake in one branch of a union",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts:\n      lookup:\n        via: sql\n        quer: x\n`,
      ['6: ./plugins/limit.ts: "query" is missing', '8: ./plugins/limit.ts: unknown key "quer"'],
    ],
    [
      "no branch of a union",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts: { lookup: 5 }\n`,
      ['5: ./plugins/limit.ts: "lookup" is 5'],
    ],
    [
      "options that are no table",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts: 5\n`,
      ["5: ./plugins/limit.ts: its options are 5"],
    ],
    [
      "an entry that is no entry",
      `${head}${mx}plugins:\n  - 5\n  - []\n`,
      ["5: a plugin entry is 5", "6: a plugin entry is an empty list"],
    ],
    [
      "an entry with options beside it",
      `${head}${mx}plugins:\n  - ./plugins/limit.ts: {}\n    shadow: true\n`,
      ['5: ./plugins/limit.ts: a plugin entry has the keys ./plugins/limit.ts, shadow, but no "use"'],
    ],
    [
      "an unknown word of the long form",
      `${head}${mx}plugins:\n  - use: ./plugins/limit.ts\n    whn: { role: mx }\n`,
      ['6: ./plugins/limit.ts: unknown key "whn"'],
    ],
    [
      "the same id twice",
      `${head}${mx}plugins:\n  - { use: ./plugins/limit.ts, id: a }\n  - use: ./plugins/limit.ts\n    id: a\n`,
      ['7: ./plugins/limit.ts: there is another entry with the id "a"'],
    ],
    [
      "when, of nothing",
      `${head}${mx}plugins:\n  - use: ./plugins/limit.ts\n    when:\n      role: submision\n      listener: [mx-26]\n`,
      [
        '7: ./plugins/limit.ts: no listener has the role "submision"',
        '8: ./plugins/limit.ts: no listener has the name "mx-26"',
      ],
    ],
    [
      "a served role without a listener",
      `${head}${mx}plugins:\n  - ./plugins/imap.mjs\n`,
      ['5: ./plugins/imap.mjs: it serves the role "imap", but no listener has it'],
    ],
    [
      "two for one role",
      `${head}listeners: [{ role: imap, port: 143 }]\nplugins:\n  - ./plugins/imap.mjs\n  - ./plugins/imap.mjs\n`,
      ['6: ./plugins/imap.mjs: the role "imap" is served by ./plugins/imap.mjs already'],
    ],
    [
      "a port that means implicit TLS",
      `${head}listeners:\n  - { role: imap, port: 993 }\nplugins: [./plugins/imap.mjs]\n`,
      ["4: port 993 is known for TLS from the first byte, but tls is optional"],
    ],
  ])("is told with its line: %s", async (_, text, expected) => {
    expect(brief(await mistakesIn(text))).toEqual(expected);
  });

  it("comes with what was expected and what was meant", async () => {
    const [mistake] = await mistakesIn(`${head}${mx}plugins:\n  - ./plugins/limit.ts: { limt: 4 }\n`);
    expect(mistake).toMatchObject({
      expected: "one of: limit, wait, size, password, nested, kind, lookup",
      suggestion: "limit",
      column: 27,
    });
    const [word] = await mistakesIn(`${head}listeners: [{ role: mx, port: 25, tls: requird }]\n`);
    expect(word).toMatchObject({ expected: "one of: none, optional, required, implicit", suggestion: "required" });
    const [wait] = await mistakesIn(`${head}${mx}plugins:\n  - ./plugins/limit.ts: { wait: soon }\n`);
    expect(wait?.expected).toBe("a duration such as 30s, 5m or 2h, at most 1h");
  });

  it("is told together with all others, across plugins and listeners", async () => {
    const text = `hostnam: x
tls: self-signed
listeners:
  - { role: mx, port: 25 }
  - { role: mx, port: 25, name: other }
  - { role: mx, prt: 26 }
plugins:
  - ./plugins/limit.ts: { limit: 0 }
  - ./plugins/nothing.ts
  - ./plugins/limit.ts: { size: many }
`;
    expect(brief(await mistakesIn(text)).sort()).toEqual(
      [
        '10: ./plugins/limit.ts: "size" is "many"',
        '1: "hostname" is missing',
        '1: unknown key "hostnam"',
        '5: port 25 is taken by the listener "mx-25"',
        '6: unknown key "prt"',
        '8: ./plugins/limit.ts: "limit" is 0',
        `9: ./plugins/nothing.ts: there is no plugin file ${join(site, "plugins/nothing.ts")}`,
      ].sort(),
    );
  });

  it("is printed with file, line and plugin, without a stack trace or control characters", async () => {
    const mistakes = await mistakesIn(`${head}${mx}plugins:\n  - ./plugins/limit.ts: { limt: 4, "a\\e[31m": 5 }\n`);
    expect(renderMistakes(mistakes, site)).toBe(
      `postern.config.yaml:5:27: ./plugins/limit.ts: unknown key "limt"
    expected one of: limit, wait, size, password, nested, kind, lookup
    did you mean "limit"?
postern.config.yaml:5:36: ./plugins/limit.ts: unknown key "a?[31m"
    expected one of: limit, wait, size, password, nested, kind, lookup`,
    );
  });

  it("does not repeat what looks like a secret", async () => {
    const [mistake] = await mistakesIn(`${head}${mx}plugins:\n  - ./plugins/limit.ts: { password: 12345 }\n`);
    expect(mistake?.text).toBe('"password" is not as expected');
  });

  it("has a line in JSON, too", async () => {
    const text = '{\n\t"hostname": "a.example.org",\n\t"listeners": [\n\t\t{ "role": "mx", "port": "25" }\n\t]\n}\n';
    expect(brief(await mistakesIn(text, "postern.config.json"))).toEqual(['4: "listeners[0].port" is "25"']);
  });

  it("has its path where the config is a program", async () => {
    const text = `export default { hostname: "a.example.org", listeners: [{ role: "mx", port: "25" }] };`;
    const mistakes = await mistakesIn(text, "postern.config.mjs");
    expect(renderMistakes(mistakes, site)).toBe(
      `postern.config.mjs: listeners[0].port: "listeners[0].port" is "25"\n    expected a whole number from 0 to 65535`,
    );
    expect(brief(await mistakesIn("\nthrow new Error('no');", "postern.config.mjs"))[0]).toMatch(
      /^null: .*no \(.*:2\)$/,
    );
    expect(brief(await mistakesIn("export default { hostname() {} };", "postern.config.mjs"))).toEqual([
      "null: this is no plain value",
    ]);
  });

  it("is a file that is not there, or a directory", async () => {
    const at = (file?: string) => loadConfig({ file, cwd: join(site, "plugins") });
    expect(await at("none.yaml")).toMatchObject({ ok: false, mistakes: [{ text: "there is no such file" }] });
    expect(await at(".")).toMatchObject({ ok: false, mistakes: [{ text: "this is a directory" }] });
    expect(await at()).toMatchObject({ ok: false, mistakes: [{ text: "there is no config file in this directory" }] });
  });

  it("is a file of aliases that would fill the memory", async () => {
    const lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (let n = 1; n < 9; n++) {
      const [above, name] = ["abcdefghi"[n - 1], "abcdefghi"[n]];
      lines.push(`${name}: &${name} [${Array(10).fill(`*${above}`).join(", ")}]`);
    }
    expect(brief(await mistakesIn(lines.join("\n")))).toEqual([expect.stringMatching(/alias/i)]);
  });
});
