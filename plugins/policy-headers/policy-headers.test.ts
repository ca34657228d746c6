import { definePlugin, Tables } from "postern/plugin";
import {
  fixture,
  keptLog,
  kernelWith,
  optionsOf,
  RawClient,
  type SmtpTestServer,
  smtpTestServer,
  tablesService,
} from "postern/testing";
import { afterEach, describe, expect, it } from "vitest";
import plugin from "./index.ts";

let server: SmtpTestServer | null = null;
const { log, lines } = keptLog();
afterEach(async () => {
  await server?.close();
  server = null;
});

type Plugins = NonNullable<Parameters<typeof smtpTestServer>[0]>["plugins"];

async function send(options: object, text: string, plugins?: Plugins): Promise<string> {
  await server?.close();
  server = await smtpTestServer({ log, plugins: plugins ?? [fixture, [plugin, optionsOf(plugin, options)]] });
  const client = await RawClient.open(server.port);
  await client.until(/^220 .*\r\n/m);
  for (const line of ["EHLO x.example", "MAIL FROM:<a@x.example>", "RCPT TO:<user@example.org>", "DATA"])
    await client.say(line);
  const reply = await client.say(`${text.replaceAll("\n", "\r\n")}\r\n.`);
  client.socket.destroy();
  return reply;
}

const rules = (...list: readonly string[]) => [`pcre:{ ${list.map((rule) => `{ ${rule} }`).join(" ")} }`];
const kept = (): string => (server?.accepted[0]?.text ?? "").replaceAll("\r\n", "\n");
const message = "Subject: Buy\n pills\nX-Keep: 1\nX-Gone: 2\n\nHello\nsecret word\nbye";

describe("header_checks", () => {
  it.each([
    ["REJECT", rules("/^Subject:.*pills/ REJECT"), /^550 5\.7\.1 message content rejected/],
    ["REJECT with a text of its own", rules("/^Subject: (\\w+)/ REJECT 5.7.25 no $1"), /^550 5\.7\.25 no Buy/],
    ["4NN", rules("/^X-Gone/ 451 4.7.0 later"), /^451 4\.7\.0 later/],
    ["nothing that fits", rules("/^Subject: pills/ REJECT"), /^250/],
    ["DUNNO shortens the search", rules("/^X-Keep/ DUNNO", "/^X/ REJECT no"), /^550 5\.7\.1 no/],
    ["what is no action", rules("/^X-Keep/ permit"), /^451 4\.3\.5 Server configuration error/],
    ["REPLACE by what is no field", rules("/^X-Keep/ REPLACE nothing"), /^451 4\.3\.5/],
    ["a table that never answers", ["fail:x"], /^451 4\.3\.0/],
  ])("%s", async (_, header, expected) => {
    expect(await send({ header }, message)).toMatch(expected);
    if (!expected.source.startsWith("^250")) expect(server?.accepted).toEqual([]);
  });

  it("REPLACE, IGNORE and PREPEND change the one field that they matched", async () => {
    const header = rules(
      "/^X-Keep: 1/ REPLACE X-Kept: one",
      "/^X-Gone/ IGNORE",
      "/^Subject: (.*)/s PREPEND X-Seen: $1",
    );
    expect(await send({ header }, `X-Keep: 0\n${message}`)).toMatch(/^250/);
    expect(kept()).toContain("X-Seen: Buy");
    expect(kept()).toContain("X-Keep: 0\nSubject: Buy\n pills\nX-Kept: one\n\nHello");
  });

  it("a group with line ends in it smuggles no field in", async () => {
    const header = rules("/^Subject: (.*)/ REPLACE X-Subject: $1", "/^X-Keep: (.*)$/ REPLACE X-Kept: $1");
    await send({ header }, "Subject: Buy\n Evil: yes\nX-Keep: 1\n\nbody");
    expect(kept()).toContain("X-Subject: Buy\n Evil: yes\nX-Kept: 1\n");
  });

  it("HOLD, BCC, FILTER, WARN go on, DISCARD and PASS end", async () => {
    const header = rules(
      "/^Subject/ HOLD look",
      "/^X-Keep/ BCC other@example.org",
      "/^X-Gone/ FILTER scan:host",
      "/^Received/ WARN seen",
    );
    await send({ header }, message);
    expect(server?.accepted[0]?.envelope).toMatchObject({
      hold: "look",
      route: { transport: "scan", nextHop: "host" },
    });
    expect(server?.accepted[0]?.envelope.recipients.map(({ address }) => address)).toEqual([
      "user@example.org",
      "other@example.org",
    ]);
    expect(await send({ header: rules("/^Subject/ DISCARD") }, message)).toMatch(/^250/);
    expect(server?.accepted).toEqual([]);
    expect(await send({ header: rules("/^Subject/ PASS", "/^X-Keep/ REJECT") }, message)).toMatch(/^250/);
    expect(await send({ header: rules("/^X-Keep/ WARN odd") }, message)).toMatch(/^250/);
    expect(lines.at(-1)?.level === "warn" || lines.some(({ fields }) => fields.action === "odd")).toBe(true);
  });
});

describe("mime_header_checks, nested_header_checks and body_checks", () => {
  const mime =
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; name=x.exe\n\none\ntwo\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nthree\n--b--";

  it("are those of the header unless said otherwise", async () => {
    expect(await send({ header: rules("/name=.*\\.exe/ REJECT exe") }, mime)).toMatch(/^550 5\.7\.1 exe/);
    expect(await send({ header: rules("/name=.*\\.exe/ REJECT exe"), mimeHeader: [] }, mime)).toMatch(/^250/);
    expect(await send({ header: rules("/^Subject: inner/ REJECT nested") }, mime)).toMatch(/^550 5\.7\.1 nested/);
    expect(
      await send({ mimeHeader: rules("/^Subject/ REJECT"), nestedHeader: rules("/^Subject/ HOLD") }, mime),
    ).toMatch(/^250/);
    expect(server?.accepted[0]?.envelope.hold).toBe("nestedHeader check");
  });

  it("change lines and fields where they stand, and nothing else", async () => {
    const options = {
      body: rules("/^one$/ REPLACE eins", "/^two$/ IGNORE", "/^three$/ PREPEND before"),
      mimeHeader: rules("/^(.*)name=.*\\.exe/ REPLACE $(1)name=x.txt"),
      nestedHeader: rules("/^Subject: (.*)/ REPLACE Subject: [$1]"),
    };
    expect(await send(options, mime)).toMatch(/^250/);
    expect(kept()).toContain(
      "--b\nContent-Type: text/plain; name=x.txt\n\neins\n--b\nContent-Type: message/rfc822\n\nSubject: [inner]\n\nbefore\nthree\n--b--",
    );
  });

  it("look at each part up to a bound", async () => {
    const body = rules("/secret/ REJECT secret");
    expect(await send({ body }, message)).toMatch(/^550 5\.7\.1 secret/);
    expect(await send({ body, partSize: 5 }, message)).toMatch(/^250/);
    expect(await send({ body, totalSize: 5 }, message)).toMatch(/^250/);
  });

  it("takes a message that lies in a file, and edits it there", async () => {
    const filler = `${"0123456789".repeat(7)}\n`.repeat(8_000);
    const text = `Subject: x\n\nfirst\n${filler}last`;
    const body = rules("/^first$/ REPLACE begin", "/^last$/ REPLACE end");
    expect(await send({ body, partSize: "10MiB", totalSize: "10MiB" }, text)).toMatch(/^250/);
    const [start, rest] = [kept().indexOf("\n\n"), kept()];
    expect(rest.slice(start + 2, start + 8)).toBe("begin\n");
    expect(rest.trimEnd().endsWith("\nend")).toBe(true);
    expect(rest).toContain(filler);
  });

  it("a pattern that takes too long puts the mail off", async () => {
    const text = (line: string) => `Subject: x\n\n${line}`;
    expect(await send({ body: rules("/^(a+)+(?=c)$/ REJECT") }, text("a".repeat(60)))).toMatch(/^451 4\.3\.0/);
    // In the linear form that one cannot match at all: nothing is tried.
    expect(await send({ body: rules("/^(a+)+(?=c)$/ REJECT") }, text(`${"a".repeat(60)}!`))).toMatch(/^250/);
    expect(await send({ body: rules("/^(a+)+$/ REJECT") }, text(`${"a".repeat(2_000)}!`))).toMatch(/^250/);
  });

  it("lets others be served between lines that take long", async () => {
    let turns = 0;
    let asked = 0;
    const slow = definePlugin({
      name: "tables-slow",
      api: 1,
      needs: { tables: Tables },
      setup({ needs }) {
        const get = () => {
          asked += 1;
          if (asked === 1)
            setImmediate(function next() {
              turns += 1;
              if (asked < 20) setImmediate(next);
            });
          for (const until = performance.now() + 25; performance.now() < until; );
          return null;
        };
        needs.tables.register("slow", async () => ({ kind: "pattern", get }));
        return { hooks: {} };
      },
    });
    const others = [slow, fixture, [plugin, optionsOf(plugin, { body: ["slow:x"] })]] as const;
    expect(await send({}, `Subject: x\n\n${"line\n".repeat(20)}`, others)).toMatch(/^250/);
    expect(turns).toBeGreaterThan(10);
  });

  it("leaves alone what the operator exempts", async () => {
    const options = { header: rules("/./ REJECT"), exempt: { networks: ["127.0.0.0/8"] } };
    expect(await send(options, message)).toMatch(/^250/);
  });
});

it("postern check finds what is no action", async () => {
  const options = {
    header: rules("/a/ REPLACE no field", "/b/ REPLACE X: $$"),
    body: rules("/a/ STRIP", "/b/ permit"),
  };
  const kernel = await kernelWith({ services: [tablesService()] }, [plugin, optionsOf(plugin, options)]);
  expect((await kernel.check()).map(({ text }) => text.slice(0, 30))).toEqual(
    [
      "header, line 1: REPLACE takes a",
      "mimeHeader, line 1: REPLACE ta",
      "nestedHeader, line 1: REPLACE ",
      "body, line 2: permit is no acti",
    ].map((text) => text.slice(0, 30)),
  );
});
