/**
 * From how a program ended to an outcome: sysexits.h as Postfix reads it, an enhanced status code at the beginning of what it said before
 * that. What says nothing about the message puts it off.
 */
import { safeText } from "postern/mail";
import type { Outcome } from "postern/plugin";
import type { ProgramEnd } from "./run-program.ts";

/** Status and meaning (sysexits.h). */
const sysexits: Readonly<Record<number, readonly [status: string, text: string]>> = {
  64: ["5.3.0", "command line usage error"],
  65: ["5.6.0", "data format error"],
  66: ["5.3.0", "cannot open input"],
  67: ["5.1.1", "user unknown"],
  68: ["5.1.2", "host name unknown"],
  69: ["5.3.0", "service unavailable"],
  70: ["5.3.0", "internal software error"],
  71: ["4.3.0", "system resource problem"],
  72: ["5.3.0", "critical OS file missing"],
  73: ["5.2.0", "can't create user output file"],
  74: ["5.3.0", "input/output error"],
  75: ["4.3.0", "temporary failure"],
  76: ["5.5.0", "remote error in protocol"],
  77: ["5.7.0", "permission denied"],
  78: ["5.3.5", "local configuration error"],
};
const TEXT_LIMIT = 400;

export function outcomeOf(end: ProgramEnd, name: string): Outcome {
  switch (end.at) {
    case "exited":
      return end.code === 0 ? delivered(end.output, name) : refused(end.code, end.output);
    case "killed":
      return deferred("4.3.0", `The command was ended by ${end.signal}`);
    case "tooLong":
      return deferred("4.3.0", "The command took too long");
    case "cut":
      return deferred("4.3.0", "The command was stopped");
    case "broken":
      return deferred("4.3.5", "The command cannot be run now");
  }
}

function delivered(output: string, name: string): Outcome {
  const said = shortened(output);
  const text = said === "" ? `delivered via ${name}` : `delivered via ${name} (${said})`;
  return { at: "delivered", reply: { code: 250, status: "2.0.0", text, host: null } };
}

function refused(code: number, output: string): Outcome {
  const said = shortened(output);
  const [, ownStatus, ownText] = /^([45]\.\d{1,3}\.\d{1,3})(?:[ :]+(.*))?$/.exec(said) ?? [];
  // A code of nobody's, such as 1 for a script that broke, says nothing about the message.
  const [status, meaning] = sysexits[code] ?? ["4.3.0", `the command ended with ${code}`];
  const given = ownStatus ?? status;
  const text = ownStatus === undefined ? said : (ownText ?? "").trim();
  return failure(given, text === "" ? meaning : text);
}

const failure = (status: string, text: string): Outcome =>
  status.startsWith("4")
    ? deferred(status, text)
    : { at: "failed", reply: { code: status === "5.3.4" ? 552 : 554, status, text, host: null } };

export const deferred = (status: string, text: string): Outcome => ({
  at: "deferred",
  reply: { code: 451, status, text, host: null },
});

export const failed = (status: string, text: string): Outcome => failure(status, text);

/** One line: what a program says goes into logs and reports. */
const shortened = (output: string): string => safeText(output).replace(/\s+/g, " ").trim().slice(0, TEXT_LIMIT);
