import { describe, expect, it } from "vitest";
import { CommandInput } from "./command-input.ts";

function linesOf(chunks: readonly string[], limitBytes = 20): string[] {
  const input = new CommandInput(limitBytes);
  const lines: string[] = [];
  for (const chunk of chunks) {
    input.offer(Buffer.from(chunk, "latin1"));
    for (let line = input.line(); line !== null; line = input.line()) {
      lines.push(typeof line === "string" ? `(${line})` : line.toString("latin1"));
    }
  }
  return lines;
}

describe("command input", () => {
  it.each([
    ["NOOP\r\nQUIT\r\n", ["NOOP", "QUIT"]],
    ["\r\n", [""]],
    ["NOOP\n", ["(bare LF)"]],
    ["\n", ["(bare LF)"]],
    ["NO\rOP\r\n", ["NO\rOP"]],
    [`${"x".repeat(18)}\r\nQUIT\r\n`, ["x".repeat(18), "QUIT"]],
    [`${"x".repeat(19)}\r\nQUIT\r\n`, ["(too long)", "QUIT"]],
    [`${"x".repeat(500)}\r\nQUIT\r\n`, ["(too long)", "QUIT"]],
    [`${"x".repeat(500)}\nQUIT\r\n`, ["(too long)", "QUIT"]],
  ])("cuts %j the same in one piece and octet by octet", (text, expected) => {
    expect(linesOf([text])).toEqual(expected);
    expect(linesOf([...text])).toEqual(expected);
  });

  it("gives nothing for an unfinished line", () => {
    expect(linesOf(["NOOP\r\nQU", "IT"])).toEqual(["NOOP"]);
  });

  it("stands behind the line when content follows in the same chunk", () => {
    const input = new CommandInput(20);
    input.offer(Buffer.from("DATA\r\ncontent"));
    input.line();
    expect(input.chunk.subarray(input.offset).toString()).toBe("content");
    expect(input.isUsedUp).toBe(false);
  });
});
