import { describe, expect, it } from "vitest";
import { parseReply } from "./remote-reply.ts";

describe("replies", () => {
  it.each([
    ["250 2.1.5 Ok", { code: 250, status: "2.1.5", text: "Ok" }],
    ["550-5.1.1 no such\r\n550 5.1.1 user", { code: 550, status: "5.1.1", text: "no such user" }],
    ["550 no status", { code: 550, status: null, text: "no status" }],
    ["550 4.1.1 class does not fit", { code: 550, status: null, text: "4.1.1 class does not fit" }],
    ["451", { code: 451, status: null, text: "" }],
    ["550 a\u0007b\u009b", { code: 550, status: null, text: "a b " }],
  ])("reads %j", (raw, expected) =>
    expect(parseReply(raw, "mx.example.org")).toEqual({ ...expected, host: "mx.example.org" }),
  );
  it.each(["", "hello", "99 x", "650 x"])("takes %j for none", (raw) => expect(parseReply(raw, "x")).toBeNull());
});
