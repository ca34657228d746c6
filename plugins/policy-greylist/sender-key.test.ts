import { addressOf } from "postern/testing";
import { describe, expect, it } from "vitest";
import { senderKey } from "./sender-key.ts";

describe("a sender as it is remembered", () => {
  it.each([
    ["Bob@Example.NET", "bob@example.net"],
    ["bob+list-7@example.net", "bob@example.net"],
    ["bounce-1234-567-x@lists.example", "bounce-#-#-x@lists.example"],
    ["owner-news-99@lists.example", "owner-news-#@lists.example"],
    ["bob2@example.net", "bob2@example.net"],
    ["20240131@example.net", "#@example.net"],
    ["list-return-12-bob=example.org@lists.example", "list-return-#-bob=example.org@lists.example"],
    ["prvs=0123456789=bob@example.net", "bob@example.net"],
    ["prvs=bob=0123abcdef@example.net", "bob@example.net"],
    ["prvs=abcdefghij=abcdefghijk@example.net", "abcdefghijk@example.net"],
    ["prvs=x@example.net", "prvs=x@example.net"],
    ["bob@7.example", "bob@7.example"],
  ])("%s is %s", (address, expected) => {
    expect(senderKey(addressOf(address))).toBe(expected);
  });

  it("of a bounce is nothing", () => {
    expect(senderKey(null)).toBe("");
  });
});
