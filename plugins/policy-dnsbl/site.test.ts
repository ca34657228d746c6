import { describe, expect, it } from "vitest";
import { parseSite } from "./site.ts";

describe("entries", () => {
  it.each([
    ["zen.example.org", "zen.example.org", 1, ["127.0.0.2", "127.9.9.9"], []],
    ["ZEN.example.org.*3", "zen.example.org", 3, ["127.0.0.2"], []],
    ["zen.example.org=127.0.0.2", "zen.example.org", 1, ["127.0.0.2"], ["127.0.0.3", "127.0.0.22"]],
    [
      "zen.example.org=127.0.0.[2..11]*2",
      "zen.example.org",
      2,
      ["127.0.0.2", "127.0.0.11"],
      ["127.0.0.12", "127.0.1.2"],
    ],
    [
      "dnswl.example=127.0.[0..255].[1;3..4]*-2",
      "dnswl.example",
      -2,
      ["127.0.7.1", "127.0.255.4"],
      ["127.0.7.2", "127.1.7.1"],
    ],
  ])("%s", (raw, zone, weight, fitting, others) => {
    const site = parseSite(raw);
    if (typeof site === "string") throw new Error(site);
    expect([site.zone, site.weight]).toEqual([zone, weight]);
    expect(fitting.every(site.matches)).toBe(true);
    expect(others.some(site.matches)).toBe(false);
    expect(site.matches("nonsense")).toBe(site.matches("127.0.0.99") && !raw.includes("="));
  });

  it.each([
    ["", "is no list"],
    ["nodot", "is no list"],
    ["a b.example", "is no list"],
    ["zen.example.org*", "is no list"],
    ["zen.example.org*x", "is no list"],
    ["zen.example.org*0", "weighs nothing"],
    ["zen.example.org=127.0.0", "no filter"],
    ["zen.example.org=127.0.0.300", "no filter"],
    ["zen.example.org=127.0.0.[9..2]", "no filter"],
    ["zen.example.org=127.0.0.[2", "no filter"],
    ["zen.example.org=127.0.0.[2,3]", "no filter"],
    ["zen.example.org=127.0.0.2.3", "no filter"],
  ])("refuses %j", (raw, said) => expect(parseSite(raw)).toContain(said));
});
