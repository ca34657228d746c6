import { describe, expect, it } from "vitest";
import { type Address, parseAddress } from "../mail/address.ts";
import { addressKeys, domainKeys, networkKeys } from "./address-keys.ts";

const rules = { recipientDelimiter: "+", isLocal: (domain: string) => domain === "example.org" };

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new TypeError(`${text} is no address`);
  return address;
}

const keys = (text: string, order: "virtual" | "access" | "transport", delimiter = "+") =>
  addressKeys(addressOf(text), order, { ...rules, recipientDelimiter: delimiter }).map(({ key }) => key);

describe("the order of keys for an address", () => {
  it.each([
    ["virtual", "a@example.net", ["a@example.net", "@example.net"]],
    ["virtual", "a+x@example.net", ["a+x@example.net", "a@example.net", "@example.net"]],
    ["virtual", "a+x@example.org", ["a+x@example.org", "a@example.org", "a+x", "a", "@example.org"]],
    ["virtual", '"a b"@example.net', ['"a b"@example.net', "a b@example.net", "@example.net"]],
    [
      "virtual",
      '"a b+x"@example.net',
      ['"a b+x"@example.net', "a b+x@example.net", '"a b"@example.net', "a b@example.net", "@example.net"],
    ],
    [
      "access",
      "a+x@b.example.net",
      [
        "a+x@b.example.net",
        "a@b.example.net",
        "b.example.net",
        ".example.net",
        "example.net",
        ".net",
        "net",
        "a+x@",
        "a@",
      ],
    ],
    ["access", "a@[192.0.2.1]", ["a@[192.0.2.1]", "[192.0.2.1]", "a@"]],
    [
      "transport",
      "a+x@b.example.net",
      ["a+x@b.example.net", "a@b.example.net", "b.example.net", ".example.net", ".net", "*"],
    ],
  ] as const)("%s: %s", (order, address, expected) => {
    expect(keys(address, order)).toEqual(expected);
  });

  it("says what a key leaves out, and that only the first is the whole", () => {
    expect(addressKeys(addressOf("a+x@example.net"), "virtual", rules)).toEqual([
      { key: "a+x@example.net", isWhole: true, extension: "" },
      { key: "a@example.net", isWhole: false, extension: "+x" },
      { key: "@example.net", isWhole: false, extension: "" },
    ]);
  });

  it("asks for the null sender as <>, and for a bare postmaster as such", () => {
    expect(addressKeys(null, "access", rules).map(({ key }) => key)).toEqual(["<>"]);
    const bare: Address = { localPart: "postmaster", domain: "", toString: () => "postmaster" };
    for (const order of ["virtual", "access", "transport"] as const)
      expect(addressKeys(bare, order, rules).map(({ key }) => key)).toEqual(["postmaster"]);
  });
});

it("asks for a host name, then its parents", () => {
  expect(domainKeys("a.b.example").map(({ key }) => key)).toEqual([
    "a.b.example",
    ".b.example",
    "b.example",
    ".example",
    "example",
  ]);
});

it.each([
  ["192.0.2.1", ["192.0.2.1", "192.0.2", "192.0", "192"]],
  ["2001:db8::1", ["2001:db8::1", "2001:db8:", "2001:db8", "2001"]],
  ["::1", ["::1", ":"]],
  ["unix", ["unix"]],
])("asks for the client %s, then its networks", (address, expected) => {
  expect(networkKeys(address).map(({ key }) => key)).toEqual(expected);
});

it("asks for an internationalized domain by its A-labels, then by its U-labels", () => {
  const address = addressOf("ann+x@bücher.example");
  expect(addressKeys(address, "virtual", rules).map(({ key }) => key)).toEqual([
    "ann+x@xn--bcher-kva.example",
    "ann+x@bücher.example",
    "ann@xn--bcher-kva.example",
    "ann@bücher.example",
    "@xn--bcher-kva.example",
    "@bücher.example",
  ]);
  expect(addressKeys(address, "virtual", rules).filter(({ isWhole }) => isWhole)).toHaveLength(1);
  expect(domainKeys("mx.xn--bcher-kva.example").map(({ key }) => key)).toEqual([
    "mx.xn--bcher-kva.example",
    "mx.bücher.example",
    ".xn--bcher-kva.example",
    ".bücher.example",
    "xn--bcher-kva.example",
    "bücher.example",
    ".example",
    "example",
  ]);
});
