import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expanded, proceed } from "postern/plugin";
import {
  addressOf,
  aliases,
  directory,
  hooksPlugin,
  type MailFlow,
  offerOf,
  openingOf,
  openMailFlow,
  optionsOf,
  recording,
  type Sent,
  sendText,
} from "postern/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import aliasSrs from "./index.ts";

const day = 86_400_000;

async function open(options: object = {}, secret = "a secret of many characters\n") {
  const place = await mkdtemp(join(tmpdir(), "postern-srs-"));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  const secretFile = join(place, "secret");
  await writeFile(secretFile, secret, { mode: 0o600 });
  const { plugin, delivered } = recording();
  const list = hooksPlugin(
    {
      expand: ({ address }) =>
        String(address) === "list@example.org"
          ? expanded([{ address: addressOf("x@away.example") }], { reversePath: addressOf("owner-list@example.org") })
          : proceed,
    },
    "alias-list",
  );
  const flow = await openMailFlow({
    plugins: [
      directory("example.org", "ann@example.org"),
      aliases({
        "fwd@example.org": ["x@away.example", "ann@example.org"],
        "two@example.org": ["x@away.example", "y@away.example"],
      }),
      list,
      [aliasSrs, optionsOf(aliasSrs, { secretFile, ...options })],
      plugin,
    ],
  });
  onTestFinished(() => flow.close());
  return { flow, delivered, secretFile };
}

const refusal = ({ admissions: [first] }: Sent) =>
  first?.at === "refused" ? `${first.isPermanent ? 5 : 4}.${first.refusal.detail} ${first.refusal.text}` : null;

async function senderAt(from: string | null, to: string, options?: object) {
  const { flow, delivered } = await open(options);
  await sendText(flow, { opening: openingOf({ from }), to: [to] });
  await flow.quiet();
  return delivered.map(({ from: sender, to: whom }) => `${whom.join(" ")} <${sender ?? ""}>`).sort();
}

const srs = (domain: string, user = "bob") =>
  expect.stringMatching(new RegExp(`<SRS0=[^=]{4}=[A-Z2-7]{2}=${domain}=${user}@example\\.org>$`));

describe("the sender of forwarded mail", () => {
  it("is rewritten for other servers only", async () => {
    expect(await senderAt("bob@example.net", "fwd@example.org")).toEqual([
      "ann@example.org <bob@example.net>",
      srs("example\\.net"),
    ]);
  });

  it.each([
    ["a bounce", null, "fwd@example.org", ["ann@example.org <>", "x@away.example <>"]],
    ["mail of people here", "ann@example.org", "two@example.org", ["x@away.example y@away.example <ann@example.org>"]],
    ["the sender of a list", "bob@example.net", "list@example.org", ["x@away.example <owner-list@example.org>"]],
    ["mail that stays here", "bob@example.net", "ann@example.org", ["ann@example.org <bob@example.net>"]],
    [
      "a sender that would be too long",
      `${"b".repeat(50)}@example.net`,
      "two@example.org",
      [`x@away.example y@away.example <${"b".repeat(50)}@example.net>`],
    ],
  ])("%s keeps its own", async (_, from, to, expected) => {
    expect(await senderAt(from, to)).toEqual(expected);
  });

  it("of domains whose SPF names this server stays", async () => {
    expect(await senderAt("bob@example.net", "two@example.org", { localDomains: ["Example.NET"] })).toEqual([
      "x@away.example y@away.example <bob@example.net>",
    ]);
  });

  it("never grants relaying", async () => {
    const { flow } = await open();
    expect(refusal(await sendText(flow, { to: ["x@away.example"] }))).toMatch(/^5\.7\.1/);
  });

  it("leaves a client's wish for no reports alone", async () => {
    const { flow, delivered } = await open();
    const notify = new Set(["never"] as const);
    const { recipients } = await sendText(flow, { to: [offerOf("two@example.org", { notify })] });
    await flow.quiet();
    expect([recipients.map(({ notify: wishes }) => [...wishes]), delivered.length]).toEqual([
      [["never"], ["never"]],
      1,
    ]);
  });
});

describe("what comes back", () => {
  async function made(): Promise<{
    flow: MailFlow;
    delivered: ReturnType<typeof recording>["delivered"];
    address: string;
  }> {
    const { flow, delivered } = await open();
    await sendText(flow, { to: ["two@example.org"] });
    await flow.quiet();
    return { flow, delivered, address: delivered[0]?.from ?? "" };
  }
  const bounce = openingOf({ from: null });

  it("goes to whom the address was made from", async () => {
    const { flow, delivered, address } = await made();
    const sent = await sendText(flow, { opening: bounce, to: [address] });
    await flow.quiet();
    expect([refusal(sent), delivered[1]]).toMatchObject([null, { from: null, to: ["bob@example.net"] }]);
  });

  it("is refused when somebody has changed it, when it is too old and when it is none", async () => {
    const { flow, address } = await made();
    const refused = async (to: string) => refusal(await sendText(flow, { opening: bounce, to: [to] }));
    expect(await refused(address.replace("=bob@", "=eve@"))).toBe("5.7.1 This address has been tampered with");
    expect(await refused("SRS0=nothing@example.org")).toBe("5.1.1 This is no address that was made here");
    flow.clock.advance(21 * day);
    expect(await refused(address)).toBeNull();
    flow.clock.advance(day);
    expect(await refused(address)).toBe("5.1.1 This address has expired");
  });

  it("a domain of its own is served here", async () => {
    const { flow, delivered } = await open({ domain: "srs.example.org" });
    await sendText(flow, { to: ["two@example.org"] });
    await flow.quiet();
    const address = delivered[0]?.from ?? "";
    expect(address).toMatch(/@srs\.example\.org$/);
    await sendText(flow, { opening: bounce, to: [address] });
    await flow.quiet();
    expect(delivered[1]?.to).toEqual(["bob@example.net"]);
    expect(refusal(await sendText(flow, { opening: bounce, to: ["bob@srs.example.org"] }))).toMatch(/^5\.1\.1/);
  });
});

describe("the secret", () => {
  it.each([
    ["", /is empty/],
    ["short\n", /less than 16/],
    [`${"x".repeat(20)}\n`.repeat(12), /more than 10/],
  ])("%j keeps it from starting", async (secret, text) => {
    await expect(open({}, secret)).rejects.toThrow(text);
  });

  it("has to be there, and nobody else's to read", async () => {
    await expect(open({ secretFile: "/nowhere/secret" })).rejects.toThrow(/does not exist/);
    const { flow, secretFile } = await open();
    expect(await flow.kernel.check()).toEqual([]);
    await chmod(secretFile, 0o644);
    expect((await flow.kernel.check()).map(({ text }) => text)).toEqual([expect.stringMatching(/everybody/)]);
  });
});
