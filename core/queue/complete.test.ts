import { describe, expect, it } from "vitest";
import type { ServerFacts } from "../contracts/server-facts.ts";
import { addressOf, envelopeOf, messageOf } from "../testing/mail.ts";
import { completed } from "./complete.ts";

const facts: ServerFacts = {
  hostname: "mx.example.org",
  dataDir: "/nowhere",
  origin: "example.org",
  postmaster: addressOf("postmaster@example.org"),
  recipientDelimiter: "+",
  version: "0",
};
const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const date = "Date: Fri, 2 Jan 2026 03:04:05 +0000";
const id = "Message-ID: <E1@mx.example.org>";
const whole = "Date: x\nMessage-ID: <a@b>\n";

const complete = (text: string, from: string | null = "bob@example.net"): string[] => {
  const message = completed(messageOf(`${text}\n\nbody\n`), envelopeOf({ from }), facts, now);
  return String(Buffer.from(message.header)).split("\r\n").slice(0, -2);
};

describe("what is missing is added", () => {
  it("Date, Message-ID and From", () => {
    expect(complete("Subject: s")).toEqual(["Subject: s", date, id, "From: <bob@example.net>"]);
  });

  it("no From where the sender is nobody", () => {
    expect(complete("Subject: s", null)).toEqual(["Subject: s", date, id]);
  });

  it("Sender where there are several authors", () => {
    const several = `${whole}From: a@x.example, "B, C" <b@x.example>`;
    expect(complete(several)).toEqual([...several.split("\n"), "Sender: <bob@example.net>"]);
    expect(complete(`${several}\nSender: s@x.example`).at(-1)).toBe("Sender: s@x.example");
    expect(complete(`${whole}From: "B, C" <b@x.example>`)).toHaveLength(3);
  });

  it("nothing where nothing is missing", () => {
    const message = messageOf(`${whole}From: a@x.example\nTo: b@x.example\n\nbody\n`);
    expect(completed(message, envelopeOf(), facts, now)).toBe(message);
  });

  it("the same of a message that is sent on, and nothing of the one that was sent", () => {
    expect(complete("Resent-To: ann@example.org\nSubject: s")).toEqual([
      "Resent-From: <bob@example.net>",
      `Resent-${id}`,
      `Resent-${date}`,
      "Resent-To: ann@example.org",
      "Subject: s",
    ]);
  });
});

it("blind copies are taken out, all of them, folded or not", () => {
  expect(complete(`${whole}From: a@x\nBcc: c@x,\n\td@x\nTo: b@x\nbcc: e@x\nResent-Bcc: f@x`)).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/bcc|[cdef]@x/i)]),
  );
});

it("bare names get the origin, everywhere and nowhere else", () => {
  expect(
    complete(
      `${whole}From: Ann <ann>\nTo: bob,\n\t"C (x)" <c>, d@example.net\nReply-To: g: e;\nSubject: bob\nX-To: bob`,
    ),
  ).toEqual([
    "Date: x",
    "Message-ID: <a@b>",
    "From: Ann <ann@example.org>",
    "To: bob@example.org,",
    '\t"C (x)" <c@example.org>, d@example.net',
    "Reply-To: g: e@example.org;",
    "Subject: bob",
    "X-To: bob",
  ]);
});

it("hostile fields stay as they are", () => {
  const hostile = ["From: <<a>", 'To: "x', "Cc: (((", "Reply-To: a b <c> d", "Sender: a@@b"];
  expect(complete(`${whole}${hostile.join("\n")}`).slice(2)).toEqual(hostile);
});
