import { afterEach, describe, expect, it } from "vitest";
import type { Refused } from "../contracts/submit.ts";
import { accept, allow, amend, defer, expanded, proceed, reject } from "../kernel/verdicts.ts";
import type { Listed } from "../testing/kernel.ts";
import { addressOf } from "../testing/mail.ts";
import { offerOf, openingOf, type Sent, sendText } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { aliases, directory, hooksPlugin, openRelay, recording } from "../testing/mail-plugins.ts";

const here = directory("example.org", "ann@example.org", "ben@example.org", "postmaster@example.org");

const flows = new MailFlows();
afterEach(() => flows.close());
const flowOf = flows.open;

const refusedWith = ({ refusal: { code, detail }, isPermanent }: Refused) => `${isPermanent ? 5 : 4} ${code} ${detail}`;
const admissionsOf = ({ admissions }: Sent) =>
  admissions.map((admission) =>
    admission.at === "refused"
      ? refusedWith(admission)
      : admission.recipients.map(({ address }) => address.toString()).join(" "),
  );

describe("admission", () => {
  it("takes nothing but local accounts where no plugin says otherwise", async () => {
    const flow = await flowOf([here]);
    const sent = await sendText(flow, {
      to: ["ann@example.org", "nobody@example.org", "x@elsewhere.example", "ann@sub.example.org"],
    });
    expect(admissionsOf(sent)).toEqual(["ann@example.org", "5 550 1.1", "5 550 7.1", "5 550 7.1"]);
  });

  it("is no open relay without any plugin", async () => {
    const flow = await flowOf([]);
    const sent = await sendText(flow, { to: ["x@example.org", "postmaster@example.com"] });
    expect(admissionsOf(sent)).toEqual(["5 550 7.1", "5 550 7.1"]);
    expect(sent.submitted).toMatchObject({ at: "refused", isPermanent: true });
  });

  it.each<[string, Listed[], string]>([
    ["a claim grants relay", [openRelay], "x@elsewhere.example"],
    ["a claim does not make a dead local address live", [openRelay], "5 550 1.1"],
    ["a refused claim", [hooksPlugin({ destination: () => reject("no", { code: 554, detail: "7.1" }) })], "5 554 7.1"],
    [
      "a claim that throws defers",
      [
        hooksPlugin({
          destination: () => {
            throw new Error("broken");
          },
        }),
      ],
      "4 451 3.0",
    ],
  ])("%s", async (name, plugins, expected) => {
    const flow = await flowOf([here, ...plugins]);
    const to = name.includes("dead") ? "dead@example.org" : "x@elsewhere.example";
    expect(admissionsOf(await sendText(flow, { to: [to] }))).toEqual([expected]);
  });

  it("defers while the directory cannot answer", async () => {
    const down = hooksPlugin({ findAccount: () => defer("LDAP is down") });
    const flow = await flowOf([down, here, openRelay]);
    const sent = await sendText(flow, { to: ["ann@example.org", "x@elsewhere.example"] });
    expect(admissionsOf(sent)).toEqual(["4 451 3.0", "x@elsewhere.example"]);
    const closed = await flowOf([down, here]);
    expect(admissionsOf(await sendText(closed, { to: ["x@elsewhere.example"] }))).toEqual(["4 451 3.0"]);
    const noDomains = await flowOf([hooksPlugin({ findDomain: () => defer("down") }), here, openRelay]);
    expect(admissionsOf(await sendText(noDomains, { to: ["dead@example.org"] }))).toEqual(["4 451 3.0"]);
  });

  it("admits a recipient once and answers it each time", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([here, plugin]);
    const sent = await sendText(flow, { to: ["ann@example.org", "ann@example.org"] });
    expect(admissionsOf(sent)).toEqual(["ann@example.org", "ann@example.org"]);
    expect(sent.submitted).toMatchObject({ at: "queued", replies: [{ at: "queued" }, { at: "queued" }] });
    await flow.quiet();
    expect(delivered.map(({ to }) => to)).toEqual([["ann@example.org"]]);
  });

  it("refuses content for nobody", async () => {
    const flow = await flowOf([here]);
    const sent = await sendText(flow, { to: ["nobody@example.org"] });
    expect(sent.submitted).toMatchObject({ at: "refused", isPermanent: true, refusal: { code: 554 } });
  });

  it("asks rcptTo about what was offered, after it was expanded", async () => {
    const asked: string[] = [];
    const flow = await flowOf([
      here,
      aliases({ "team@example.org": ["ann@example.org"] }),
      hooksPlugin({
        rcptTo(envelope, { address }) {
          asked.push(`${address} of ${envelope.recipients.length}`);
          return address.localPart === "ben" ? reject("not you", { detail: "7.1", code: 550 }) : proceed;
        },
      }),
    ]);
    const sent = await sendText(flow, { to: ["team@example.org", "ben@example.org", "dead@example.org"] });
    expect(asked).toEqual(["team@example.org of 0", "ben@example.org of 1"]);
    expect(sent.recipients.map(({ address }) => address.toString())).toEqual(["ann@example.org"]);
  });

  it("applies what rcptTo answers", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([
      here,
      hooksPlugin({
        rcptTo: (_, { address }) =>
          address.localPart === "ann"
            ? amend(
                { op: "redirect", address: addressOf("ben@example.org") },
                { op: "prepend", header: "X-Was", value: "ann" },
                { op: "addRecipient", address: addressOf("archive@elsewhere.example"), notify: new Set(["never"]) },
                { op: "addRecipient", address: addressOf("clerk@elsewhere.example") },
                { op: "label", label: "seen", value: 1 },
              )
            : allow("fine"),
      }),
      plugin,
    ]);
    const sent = await sendText(flow, { to: ["ann@example.org"] });
    expect(sent.recipients.map(({ address, notify }) => [address.toString(), [...notify]])).toEqual([
      ["ben@example.org", []],
      ["archive@elsewhere.example", ["never"]],
      ["clerk@elsewhere.example", []],
    ]);
    await flow.quiet();
    expect(delivered.flatMap(({ to }) => to).sort()).toEqual([
      "archive@elsewhere.example",
      "ben@example.org",
      "clerk@elsewhere.example",
    ]);
    expect(delivered[0]?.text).toContain("X-Was: ann\r\n");
  });
});

describe("another name of a recipient", () => {
  const renamed = (map: Readonly<Record<string, string>>, grantsRelay?: boolean) =>
    hooksPlugin(
      {
        expand({ address }) {
          const target = map[address.toString()];
          if (target === undefined) return proceed;
          return expanded([{ address: addressOf(target) }], grantsRelay === undefined ? {} : { grantsRelay });
        },
      },
      `test-names-${grantsRelay}`,
    );

  it("grants no relay, where an alias does", async () => {
    const map = { "x@foreign.example": "y@elsewhere.example" };
    const alias = await flowOf([here, renamed(map), recording().plugin]);
    expect((await sendText(alias, { to: ["x@foreign.example"] })).recipients).toHaveLength(1);
    const name = await flowOf([here, renamed(map, false), recording().plugin]);
    expect((await sendText(name, { to: ["x@foreign.example"] })).recipients).toEqual([]);
  });

  it("is looked up among the aliases, and they grant", async () => {
    const names = renamed({ "x@foreign.example": "alias@foreign.example" }, false);
    const flow = await flowOf([here, names, renamed({ "alias@foreign.example": "y@elsewhere.example" })]);
    const { recipients } = await sendText(flow, { to: ["x@foreign.example"] });
    expect(recipients.map(({ address }) => address.toString())).toEqual(["y@elsewhere.example"]);
  });
});

it("of two other names, the one that nobody grants is not relayed because the other was", async () => {
  const names = hooksPlugin(
    {
      expand: ({ address }) =>
        address.toString() === "x@foreign.example"
          ? expanded([{ address: addressOf("y@elsewhere.example") }, { address: addressOf("alias@foreign.example") }], {
              grantsRelay: false,
            })
          : proceed,
    },
    "test-two-names",
  );
  const flow = await flowOf([here, names, aliases({ "alias@foreign.example": ["z@elsewhere.example"] })]);
  const { recipients } = await sendText(flow, { to: ["x@foreign.example"] });
  expect(recipients.map(({ address }) => address.toString())).toEqual(["z@elsewhere.example"]);
});

describe("postmaster", () => {
  const hostile = hooksPlugin({
    destination: () => reject("nobody", { code: 550, detail: "7.1" }),
    rcptTo: () => reject("nobody at all", { code: 550, detail: "7.1" }),
  });

  it("is exempt from refusals, also by its bare name", async () => {
    const flow = await flowOf([here, hostile]);
    const bare = offerOf("postmaster@example.org");
    const sent = await sendText(flow, {
      to: [
        { ...bare, address: { localPart: "PostMaster", domain: "", toString: () => "PostMaster" } },
        { ...bare, isPostmaster: true },
        "ann@example.org",
      ],
    });
    expect(admissionsOf(sent)).toEqual(["postmaster@example.org", "postmaster@example.org", "5 550 7.1"]);
  });

  it("of another served domain is this server's", async () => {
    const other = hooksPlugin({ findDomain: ({ domain }) => (domain === "example.net" ? accept("served") : proceed) });
    const flow = await flowOf([here, other]);
    const sent = await sendText(flow, { to: [offerOf("postmaster@example.net", { isPostmaster: true })] });
    expect(admissionsOf(sent)).toEqual(["postmaster@example.org"]);
    expect(sent.recipients[0]?.parents.map(String)).toEqual(["postmaster@example.net"]);
  });

  it.each([
    ["a rate limit", defer("slow down", { code: 452, detail: "5.3" }), "4 452 5.3"],
    ["TLS", reject("encrypt first", { code: 530, detail: "7.0" }), "5 530 7.0"],
  ])("is not exempt from %s", async (_, verdict, expected) => {
    const flow = await flowOf([here, hooksPlugin({ rcptTo: () => verdict })]);
    const sent = await sendText(flow, { to: [offerOf("postmaster@example.org", { isPostmaster: true })] });
    expect(admissionsOf(sent)).toEqual([expected]);
  });

  it("that leads nowhere waits, and the log says so", async () => {
    const flow = await flowOf([directory("example.org")]);
    const sent = await sendText(flow, { to: [offerOf("postmaster@example.org", { isPostmaster: true })] });
    expect(admissionsOf(sent)).toEqual(["4 451 3.0"]);
    expect(flow.lines.some(({ level, text }) => level === "error" && text.includes("postmaster"))).toBe(true);
  });
});

describe("expansion", () => {
  it("recurses, dedupes, and keeps parents and wishes", async () => {
    const flow = await flowOf([
      here,
      aliases({
        "all@example.org": ["team@example.org", "ann@example.org", "x@elsewhere.example"],
        "team@example.org": ["ben@example.org", "ann@example.org"],
      }),
    ]);
    const notify = new Set(["failure"] as const);
    const orcpt = { type: "rfc822", address: "all@example.org" };
    const sent = await sendText(flow, { to: [offerOf("all@example.org", { notify, orcpt })] });
    expect(sent.recipients.map(({ address, parents }) => [address.toString(), parents.map(String)])).toEqual([
      ["ben@example.org", ["all@example.org", "team@example.org"]],
      ["ann@example.org", ["all@example.org", "team@example.org"]],
      ["x@elsewhere.example", ["all@example.org"]],
    ]);
    for (const recipient of sent.recipients) expect(recipient).toMatchObject({ notify, orcpt });
  });

  it.each<[string, Record<string, string[]>, string]>([
    [
      "an address among its own targets stays",
      { "ann@example.org": ["ann@example.org", "ben@example.org"] },
      "ann@example.org ben@example.org",
    ],
    [
      "a circle of two ends at the first",
      { "ann@example.org": ["a2@example.org"], "a2@example.org": ["ann@example.org"] },
      "ann@example.org",
    ],
    [
      "a circle without a mailbox is dead",
      { "a@example.org": ["b@example.org"], "b@example.org": ["A@example.org"] },
      "5 550 1.1",
    ],
    ["one living target is enough", { "a@example.org": ["dead@example.org", "ann@example.org"] }, "ann@example.org"],
    ["only dead targets", { "a@example.org": ["dead@example.org"] }, "5 550 1.1"],
  ])("%s", async (_, map, expected) => {
    const flow = await flowOf([here, aliases(map)]);
    const [first = ""] = Object.keys(map);
    expect(admissionsOf(await sendText(flow, { to: [first] }))).toEqual([expected]);
  });

  it("refuses for now what grows without end", async () => {
    const growing = hooksPlugin({
      expand: ({ address }) => expanded([{ address: addressOf(`${Number(address.localPart) + 1}@example.org`) }]),
    });
    const flow = await flowOf([here, growing]);
    expect(admissionsOf(await sendText(flow, { to: ["1@example.org"] }))).toEqual(["4 451 4.6"]);
  });

  it("takes lists of thousands, and what the operator wants no more of is put off", async () => {
    const members = Array.from({ length: 3000 }, (_, n) => ({ address: addressOf(`${n}@elsewhere.example`) }));
    const list = hooksPlugin({
      destination: () => accept("a list"),
      expand: ({ address: { localPart } }) => (localPart === "list" ? expanded(members) : proceed),
    });
    const flow = await flowOf([here, list]);
    const [admission] = (await sendText(flow, { to: ["list@example.org"] })).admissions;
    expect(admission?.at === "admitted" && admission.recipients.length).toBe(3000);
    const narrow = await flowOf([here, list], { expansionLimit: 2999 });
    expect(admissionsOf(await sendText(narrow, { to: ["list@example.org"] }))).toEqual(["4 451 4.6"]);
  });

  it("waits when one target cannot be expanded now, and takes what a plugin rejects as dead", async () => {
    const tables = hooksPlugin({
      expand({ address: { localPart } }) {
        if (localPart === "list")
          return expanded([{ address: addressOf("ann@example.org") }, { address: addressOf("sql@example.org") }]);
        if (localPart === "sql") return defer("database is down", { detail: "3.0" });
        return localPart === "gone" ? reject("moved away", { code: 551, detail: "1.6" }) : proceed;
      },
    });
    const flow = await flowOf([here, tables]);
    const sent = await sendText(flow, { to: ["list@example.org", "gone@example.org"] });
    expect(admissionsOf(sent)).toEqual(["4 undefined 3.0", "5 551 1.6"]);
  });

  it("sends targets with a sender of their own in an envelope of their own", async () => {
    const { plugin, delivered } = recording();
    const list = hooksPlugin({
      expand: ({ address }) =>
        address.localPart === "list"
          ? expanded([{ address: addressOf("x@elsewhere.example") }], {
              reversePath: addressOf("list-bounces@example.org"),
            })
          : proceed,
    });
    const flow = await flowOf([here, list, plugin]);
    const orcpt = { type: "rfc822", address: "list@example.org" };
    const sent = await sendText(flow, {
      opening: openingOf({ envid: "E", ret: "full" }),
      to: [offerOf("ann@example.org"), offerOf("list@example.org", { orcpt, notify: new Set(["success"]) })],
    });
    await flow.quiet();
    const id = sent.submitted.at === "queued" ? sent.submitted.id : "";
    expect(delivered.map(({ id: own, from, to, origin }) => ({ id: own, from, to, origin }))).toEqual([
      { id, from: "bob@example.net", to: ["ann@example.org"], origin: "smtp" },
      { id: `${id}-2`, from: "list-bounces@example.org", to: ["x@elsewhere.example"], origin: "forward" },
      // RFC 3461 5.2.7: the sender is told that the list has it, and nothing more.
      { id: expect.any(String), from: null, to: ["bob@example.net"], origin: "bounce" },
    ]);
    expect(sent.recipients[1]).toMatchObject({ orcpt: null, notify: new Set() });
  });
});
