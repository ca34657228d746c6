import type { Script } from "postern/testing";
import { describe, expect, it } from "vitest";
import { brief, deliver, hostsAt, serve } from "./testing/deliveries.ts";

it("never sends REQUIRETLS mail in clear, whatever the transport is content with", async () => {
  for (const tls of ["none", "opportunistic", "required"] as const) {
    const server = await serve({ EHLO: "250-peer.example\r\n250 REQUIRETLS", STAR: "502 5.5.1 what?" });
    const outcomes = await deliver(server.port, { envelope: { requiresTls: true }, tls });
    expect(brief(outcomes)).toEqual(["a@example.org failed 550 5.7.30"]);
    expect(server.heard.some((line) => line.startsWith("MAIL"))).toBe(false);
  }
});
it("comes again with REQUIRETLS mail while one of the hosts could not be asked", async () => {
  const server = await serve({ greeting: "421 4.3.2 busy" });
  expect(brief(await deliver(server.port, { envelope: { requiresTls: true } }))).toEqual([
    "a@example.org deferred 421 4.3.2",
  ]);
});

describe("REQUIRETLS mail waits, and is not given back", () => {
  const envelope = { requiresTls: true };
  const offersTls = "250-peer.example\r\n250 STARTTLS";
  it.each<[string, Script]>([
    ["has no TLS for the moment", { EHLO: offersTls, STAR: "454 4.7.0 not now" }],
    ["breaks off the handshake", { EHLO: offersTls, STAR: () => "220 go on\r\nno handshake at all" }],
  ])("while a host %s", async (_, script) => {
    const server = await serve(script);
    expect(brief(await deliver(server.port, { envelope }))).toEqual([expect.stringMatching(/ deferred 4/)]);
  });
  it("when the delivery is called off", async () => {
    const controller = new AbortController();
    const server = await serve({
      EHLO: offersTls,
      STAR: () => {
        setImmediate(() => controller.abort());
        return "220 go on";
      },
    });
    expect(brief(await deliver(server.port, { envelope, signal: controller.signal }))).toEqual([
      expect.stringMatching(/ deferred 4/),
    ]);
  });
  it("while one of two hosts must not be asked at present", async () => {
    const server = await serve({});
    const reply = { code: 451, status: "4.7.5", text: "DANE: ESERVFAIL", host: null };
    const outcomes = await deliver(server.port, {
      envelope,
      options: {
        nextHops: hostsAt(["127.0.0.1", "127.0.0.2"]),
        tlsFor: ({ name }) =>
          name === "mx2.example.org" ? { at: "defer", reply } : { at: "use", requirement: { level: "opportunistic" } },
      },
    });
    expect(brief(outcomes)).toEqual([expect.stringMatching(/ deferred 4/)]);
  });
  it("while nobody can tell whether a host is the right one", async () => {
    const server = await serve({});
    const outcomes = await deliver(server.port, { envelope, options: { isHostSafe: async () => "unknown" } });
    expect(brief(outcomes)).toEqual(["a@example.org deferred 451 4.3.5"]);
    expect(server.connections()).toBe(0);
  });
});
