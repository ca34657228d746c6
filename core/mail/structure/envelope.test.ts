import { describe, expect, it } from "vitest";
import { surveyMessage } from "../survey.ts";
import { type EnvelopeAddress, parseAddressList } from "./address-list.ts";

const address = (
  mailbox: string | null,
  host: string | null,
  name: string | null = null,
  route: string | null = null,
) => ({ name, route, mailbox, host }) satisfies EnvelopeAddress;

const envelopeOf = (header: Buffer) => surveyMessage(header).overview.envelope;

describe("parseAddressList", () => {
  const lists: [value: string, addresses: EnvelopeAddress[] | null][] = [
    ["", null],
    [" ,, ", null],
    ["a@example.org", [address("a", "example.org")]],
    ["a@example.org, <b@example.org>", [address("a", "example.org"), address("b", "example.org")]],
    ["Ann Example <a@example.org>", [address("a", "example.org", "Ann Example")]],
    ['"Example, \\"Ann\\"" <a@example.org>', [address("a", "example.org", 'Example, "Ann"')]],
    ["Ann E. Example <a@example.org>", [address("a", "example.org", "Ann E. Example")]],
    ["=?utf-8?q?=C3=84nn?= Example <a@example.org>", [address("a", "example.org", "=?utf-8?q?=C3=84nn?= Example")]],
    ["a@example.org (Ann Example)", [address("a", "example.org", "Ann Example")]],
    ["a@example.org (Ann (née Other) Example)", [address("a", "example.org", "Ann (née Other) Example")]],
    ["<@x.org,@y.org:a@example.org>", [address("a", "example.org", null, "@x.org,@y.org")]],
    ['"a b"@example.org', [address("a b", "example.org")]],
    ["a . b @ example . org", [address("a.b", "example.org")]],
    ["a@[192.0.2.1]", [address("a", "[192.0.2.1]")]],
    ["undisclosed-recipients:;", [address("undisclosed-recipients", null), address(null, null)]],
    [
      "A Group: a@example.org, Bob <b@example.org>;, c@example.org",
      [
        address("A Group", null),
        address("a", "example.org"),
        address("b", "example.org", "Bob"),
        address(null, null),
        address("c", "example.org"),
      ],
    ],
    ["group: a@example.org", [address("group", null), address("a", "example.org"), address(null, null)]],
    ["postmaster", [address("postmaster", "MISSING_DOMAIN")]],
    ["<>", [address("MISSING_MAILBOX", "MISSING_DOMAIN")]],
    ["@example.org", [address("MISSING_MAILBOX", "example.org")]],
    ["a@example.org b@example.org", [address("a", "example.org"), address("b", "example.org")]],
    ["Ann <a@example.org", [address("a", "example.org", "Ann")]],
    ['"never closed <a@example.org>', [address("never closed <a@example.org>", "MISSING_DOMAIN")]],
    ["Ann Example", [address("MISSING_MAILBOX", "MISSING_DOMAIN", "Ann Example")]],
  ];
  it.each(lists)("reads %j", (value, expected) => {
    expect(parseAddressList(value)).toEqual(expected);
  });

  it("takes hostile lists in linear time, and no more than it must", () => {
    for (const value of [
      "a@b,".repeat(200_000),
      "(".repeat(500_000),
      "<".repeat(300_000),
      '"'.repeat(300_001),
      "a:;".repeat(200_000),
      "@".repeat(300_000),
    ]) {
      const from = performance.now();
      expect(parseAddressList(value)?.length ?? 0).toBeLessThanOrEqual(10_001);
      expect(performance.now() - from).toBeLessThan(2000);
    }
  });
});

describe("an envelope", () => {
  it("reads every field, unfolded and otherwise as it stands", () => {
    const header = [
      "Received: from x by y",
      "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)",
      "SUBJECT: =?utf-8?b?w4Q=?=",
      "\t and more",
      "From: Ann <a@example.org>",
      "To : b@example.org,",
      " c@example.org",
      "Cc: d@example.org",
      "In-Reply-To: <1@example.org>",
      "Message-ID: <2@example.org>",
      "Message-ID: <3@example.org>",
      "",
      "Bcc: not-a-header@example.org",
    ].join("\r\n");
    const from = [address("a", "example.org", "Ann")];
    expect(envelopeOf(Buffer.from(header, "latin1"))).toEqual({
      date: "Mon, 7 Feb 1994 21:52:25 -0800 (PST)",
      subject: "=?utf-8?b?w4Q=?= and more",
      from,
      sender: from,
      replyTo: from,
      to: [address("b", "example.org"), address("c", "example.org")],
      cc: [address("d", "example.org")],
      bcc: null,
      inReplyTo: "<1@example.org>",
      messageId: "<2@example.org>",
    });
  });

  it("keeps an octet at the end that is a blank in latin-1 only", () => {
    expect(envelopeOf(Buffer.from("Subject:\t voilà \r\n\r\n", "utf8")).subject).toBe("voil\xc3\xa0");
  });

  it("keeps octets outside ASCII", () => {
    expect(envelopeOf(Buffer.from("Subject: Grüße\r\n\r\n", "utf8")).subject).toBe(
      Buffer.from("Grüße", "utf8").toString("latin1"),
    );
  });

  it("takes a header that is none", () => {
    expect(envelopeOf(Buffer.from("no colon here\r\n folded\r\n: empty name\r\nSubject: x"))).toMatchObject({
      subject: "x",
      from: null,
    });
  });
});
