import { expect, it } from "vitest";
import { pointerName, reversedAddress } from "./reversed-address.ts";

it.each([
  ["192.0.2.1", "1.2.0.192.in-addr.arpa"],
  ["::ffff:192.0.2.1", "1.2.0.192.in-addr.arpa"],
  ["255.255.255.255", "255.255.255.255.in-addr.arpa"],
  ["2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"],
  ["::", `${Array(32).fill("0").join(".")}.ip6.arpa`],
  ["unix", null],
  ["127.1", null],
  ["", null],
])("%s points from %s", (address, expected) => expect(pointerName(address)).toBe(expected));

it("answers labels alone for lists of addresses", () => expect(reversedAddress("192.0.2.99")).toBe("99.2.0.192"));
