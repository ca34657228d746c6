#!/usr/bin/env node
/** The program `postern`. */
import { run } from "./program.ts";

// A reader that has seen enough (`postern explain | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const { stdout: out, stderr: err, stdin } = process;
process.exitCode = await run(process.argv.slice(2), { out, err, in: stdin, cwd: process.cwd() });
// Plugins that were only looked at may still hold timers or watchers.
out.write("", () => err.write("", () => process.exit()));
