/** Command lines: the same however they are cut, never longer than they may be. */
import { CommandInput } from "../../../core/smtp/command-input.ts";
import { sessions } from "../corpus.ts";
import { hold, type Target } from "../target.ts";

const LIMIT = 200;

function reference(text: string): readonly string[] {
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      if (line.length + 1 > LIMIT) return "too long";
      return line.endsWith("\r") ? `=${line.slice(0, -1)}` : "bare LF";
    });
}

export const target: Target = {
  name: "command-input",
  inputs: 900,
  corpus: sessions,
  run(input, random) {
    const commands = new CommandInput(LIMIT);
    const lines: string[] = [];
    for (const chunk of random.cut(input)) {
      commands.offer(chunk);
      for (let line = commands.line(); line !== null; line = commands.line()) {
        lines.push(typeof line === "string" ? line : `=${line.toString("latin1")}`);
      }
      hold(commands.isUsedUp, () => "octets are left");
    }
    const expected = reference(input.toString("latin1"));
    const differs = expected.findIndex((line, at) => line !== lines[at]);
    hold(differs < 0 && lines.length === expected.length, () => `line ${differs}: ${lines[differs]}`);
  },
};
