#!/usr/bin/env node
/** The program `postern`; called by the name of `sendmail`, `mailq` or `newaliases` it is those. */
import { runSendmail, sendmailCall } from "./sendmail.ts";

// A reader that has seen enough (`postern explain | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const { stdout: out, stderr: err, stdin } = process;
const [, script = "", ...args] = process.argv;
const terminal = { out, err, in: stdin, cwd: process.cwd() };
const call = sendmailCall(script, args);
process.exitCode = call
  ? await runSendmail(call.name, call.args, terminal)
  : await (await import("./program.ts")).run(args, terminal);
// Plugins that were only looked at may still hold timers or watchers.
out.write("", () => err.write("", () => process.exit()));
