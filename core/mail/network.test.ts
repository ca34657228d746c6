import { describe, expect, it } from "vitest";
import { clientNetwork, isWithin, type Network, networkText, parseNetwork } from "./network.ts";

const network = (text: string): Network => {
  const parsed = parseNetwork(text);
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
};

describe("a network", () => {
  it.each([
    ["192.0.2.0/24", "192.0.2.77", true],
    ["192.0.2.0/24", "::ffff:192.0.2.77", true],
    ["192.0.2.0/24", "192.0.3.1", false],
    ["::ffff:192.0.2.0/120", "192.0.2.9", true],
    ["2001:db8::/32", "2001:db8:1::9", true],
    ["2001:db8::/32", "192.0.2.1", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["0.0.0.0/0", "unix", false],
  ])("%s and %s: %s", (text, client, isIn) => {
    expect(isWithin(client, [network(text)]) !== null).toBe(isIn);
  });

  it.each(["127.1", "010.0.0.1", "192.0.2.0/33", "192.0.2.1/24", "example.org", "192.0.2.0/24/1", ""])(
    "%j is none",
    (text) => expect(parseNetwork(text)).toBeTypeOf("string"),
  );

  it("is written as it is read", () => expect(networkText(network("192.0.2.0/24"))).toBe("192.0.2.0/24"));
});

describe("the network of a client", () => {
  it.each([
    ["192.0.2.77", 24, 64, "192.0.2.0/24"],
    ["192.0.2.77", 32, 64, "192.0.2.77"],
    ["::ffff:192.0.2.77", 24, 64, "192.0.2.0/24"],
    ["2001:db8:1:2:3::4", 24, 64, "2001:db8:1:2::/64"],
    ["2001:DB8::1", 24, 128, "2001:db8::1"],
    ["192.0.2.77", 0, 0, "0.0.0.0/0"],
    ["unix", 24, 64, "unix"],
  ])("%s with %i and %i bits is %s", (address, ipv4, ipv6, expected) => {
    expect(clientNetwork(address, { ipv4, ipv6 })).toBe(expected);
  });
});
