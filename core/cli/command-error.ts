/** A command could not do what it was asked: one message for the person at the terminal, one exit code of sysexits.h. */
import { exitCodes } from "../kernel/exit-codes.ts";

export class CommandError extends Error {
  readonly code = "COMMAND_FAILED";
  readonly exitCode: number;
  constructor(text: string, exitCode: number, options?: ErrorOptions) {
    super(text, options);
    this.exitCode = exitCode;
  }
}

export const usageError = (text: string): CommandError => new CommandError(text, exitCodes.usage);
