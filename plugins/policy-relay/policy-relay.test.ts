import { parseAddress } from "postern/mail";
import type { Envelope, Recipient, Session } from "postern/plugin";
import { kernelOf } from "postern/testing";
import { describe, expect, it } from "vitest";
import plugin from "./index.ts";
import { isWithin, parseNetwork } from "./networks.ts";

const session = (change: { role?: string; address?: string; login?: string }): Session => ({
  id: "s",
  protocol: "smtp",
  listener: { name: "l", role: change.role ?? "mx" },
  local: { address: "127.0.0.1", port: 25 },
  remote: { address: change.address ?? "203.0.113.9", port: 4321, hostname: null },
  tls: null,
  heloName: null,
  identity: change.login === undefined ? null : { login: change.login },
});

async function ask(options: object, from: Session | null): Promise<unknown> {
  const kernel = await kernelOf([plugin, { networks: [], authenticated: true, ...options }]);
  const address = parseAddress("friend@elsewhere.example");
  if (!address) throw new Error("no address");
  const recipient: Recipient = { id: 1, address, orcpt: null, notify: new Set(), parents: [] };
  const envelope = { session: from } as Envelope;
  return (await kernel.claim("destination", envelope, recipient)).verdict?.verdict ?? null;
}

describe("who may relay", () => {
  it.each([
    ["a stranger", {}, session({}), null],
    ["a stranger with an empty list", { networks: [] }, session({ address: "127.0.0.1" }), null],
    ["a client in a network", { networks: ["192.0.2.0/24"] }, session({ address: "192.0.2.77" }), "accept"],
    ["a client beside the network", { networks: ["192.0.2.0/24"] }, session({ address: "192.0.3.1" }), null],
    ["an IPv4-mapped client", { networks: ["192.0.2.0/24"] }, session({ address: "::ffff:192.0.2.77" }), "accept"],
    ["a mapped network", { networks: ["::ffff:192.0.2.0/120"] }, session({ address: "192.0.2.77" }), "accept"],
    ["an IPv6 client", { networks: ["2001:db8::/32"] }, session({ address: "2001:db8:1::1" }), "accept"],
    ["IPv6 loopback by its address", { networks: ["::1"] }, session({ address: "::1" }), "accept"],
    ["an IPv4 client of an IPv6-only list", { networks: ["::/0"] }, session({ address: "192.0.2.1" }), null],
    ["a unix socket", { networks: ["0.0.0.0/0", "::/0"] }, session({ address: "unix" }), null],
    ["somebody who logged in", {}, session({ login: "anna@example.org" }), "accept"],
    ["a login that is not enough", { authenticated: false }, session({ login: "anna@example.org" }), null],
    [
      "LMTP from a trusted network",
      { networks: ["127.0.0.0/8"] },
      session({ role: "lmtp", address: "127.0.0.1" }),
      null,
    ],
    ["mail without a session", { networks: ["0.0.0.0/0"] }, null, null],
  ])("%s", async (_, options, from, verdict) => {
    expect(await ask(options, from)).toBe(verdict);
  });
});

describe("networks as the operator writes them", () => {
  it.each([
    ["192.0.2.1/24", "did you mean 192.0.2.0/24?"],
    ["2001:db8::1/32", "did you mean 2001:db8:0:0:0:0:0:0/32?"],
    ["192.0.2.0/33", "from 0 to 32"],
    ["192.0.2.0/", "from 0 to 32"],
    ["192.0.2.0/24/8", "is no network"],
    ["127.1", "is no network"],
    ["0300.0.2.0/24", "is no network"],
    ["example.org", "is no network"],
    ["", "is no network"],
  ])("refuses %s", (text, expected) => {
    expect(parseNetwork(text)).toContain(expected);
  });

  it("keeps the server from starting, and says which network", async () => {
    await expect(kernelOf([plugin, { networks: ["10.0.0.1/8"], authenticated: true }])).rejects.toThrow("10.0.0.1/8");
  });

  it("finds an open relay at check", async () => {
    const kernel = await kernelOf([plugin, { networks: ["0.0.0.0/0", "10.0.0.0/8"], authenticated: true }]);
    expect((await kernel.check()).map(({ severity, text }) => [severity, text])).toEqual([
      ["error", "networks has 0.0.0.0/0: the whole world could relay through this server"],
    ]);
  });

  it("does not throw on a client address that is none", () => {
    const network = parseNetwork("10.0.0.0/8");
    if (typeof network === "string") throw new Error(network);
    expect(isWithin("fe80::1%eth0", [network])).toBeNull();
    expect(isWithin("", [network])).toBeNull();
  });
});
