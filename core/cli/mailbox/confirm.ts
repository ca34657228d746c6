/** What touches more than one thing is asked about first, unless `--yes` was said. */
import { createInterface } from "node:readline/promises";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Terminal } from "../terminal.ts";

/** Rejects where the answer is no, or nobody can be asked. */
export async function confirmed(question: string, { in: input, err }: Terminal): Promise<void> {
  if (input.isTTY !== true) throw usageError(`${question} Say --yes`);
  const lines = createInterface({ input, output: err });
  try {
    const said = await lines.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(said.trim())) throw new CommandError("nothing was done", exitCodes.usage);
  } finally {
    lines.close();
  }
}
