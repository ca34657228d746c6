/** Envelopes, and their way to the spool and back. */
import { describe, expect, it } from "vitest";
import { addressOf, envelopeOf, sessionOf } from "../testing/mail.ts";
import { EnvelopeState, fromSpool, toSpool } from "./envelope.ts";

describe("an envelope", () => {
  it("numbers its recipients from 1 and never gives a number twice", () => {
    const envelope = envelopeOf({ to: ["a@example.org", "b@example.org"] });
    envelope.removeRecipients(({ id }) => id === 2);
    const made = envelope.makeRecipient({ address: addressOf("c@example.org") });
    expect(made.id).toBe(3);
    expect(envelope.recipients.map(({ id }) => id)).toEqual([1]);
    envelope.admit([made]);
    expect(envelope.recipients.map(({ id }) => id)).toEqual([1, 3]);
  });

  it("leaves a list of recipients that somebody holds as it was", () => {
    const envelope = envelopeOf({ to: ["a@example.org"] });
    const held = envelope.recipients;
    envelope.addRecipient({ address: addressOf("b@example.org") });
    expect(held).toHaveLength(1);
  });

  it("comes back from the spool as it went", () => {
    const session = sessionOf({ heloName: "client.example.net", identity: { login: "bob" } });
    const envelope = new EnvelopeState({
      id: "E7",
      origin: "smtp",
      session,
      reversePath: addressOf('"odd one"@example.net'),
      body: "8bitmime",
      isSmtpUtf8: true,
      requiresTls: true,
      ret: "hdrs",
      envid: "QQ314159",
    });
    envelope.addRecipient({
      address: addressOf("ann@example.org"),
      orcpt: { type: "rfc822", address: "ann+x@example.org" },
      notify: new Set(["success", "delay"]),
      parents: [addressOf("list@example.org")],
    });
    envelope.setLabel("spam-score", 7.5);
    envelope.hold = "odd";
    envelope.route = { transport: "smtp", nextHop: "mx.example.org" };

    const stored = toSpool(envelope, 1_700_000_000_000);
    const back = fromSpool(JSON.parse(JSON.stringify(stored)));
    expect(toSpool(back, 1_700_000_000_000)).toEqual(stored);
    expect(String(back.reversePath)).toBe('"odd one"@example.net');
    expect(back.label("spam-score")).toBe(7.5);
    expect(back.session).toMatchObject({
      id: "S1",
      heloName: "client.example.net",
      identity: { login: "bob" },
      tls: null,
    });
    expect(back.addRecipient({ address: addressOf("b@example.org") }).id).toBe(2);
  });

  it("comes back with the null sender, without a session, and to postmaster without a domain", () => {
    const stored = toSpool(envelopeOf({ from: null, session: null, origin: "bounce", to: ["ann@example.org"] }), 0);
    const back = fromSpool({
      ...stored,
      recipients: [{ id: 1, address: "postmaster", orcpt: null, notify: [], parents: [] }],
    });
    expect(back.reversePath).toBeNull();
    expect(back.session).toBeNull();
    expect(back.recipients[0]?.address).toMatchObject({ localPart: "postmaster", domain: "" });
  });

  it("keeps a quarantine as a hold", () => {
    const envelope = envelopeOf();
    envelope.quarantine = "score 12";
    expect(fromSpool(toSpool(envelope, 0)).hold).toBe("score 12");
  });

  it("is not made from a damaged record", () => {
    const stored = toSpool(envelopeOf(), 0);
    expect(() => fromSpool({ ...stored, reversePath: "a@b>\r\nDATA" })).toThrow(TypeError);
  });
});
