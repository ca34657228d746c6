/**
 * The list of a slot that nobody works on, made by a thread of its own: slots are read side by side. Throws with the code of what kept it from
 * that, such as `DIRECTORY_IN_USE`.
 */
import { on } from "node:events";
import { createRequire } from "node:module";
import { Worker, type WorkerOptions } from "node:worker_threads";
import type { ControlAnswer } from "../../control/request.ts";
import type { ViewMessage, ViewTask } from "./view-thread.ts";

/** Rows are garbage soon: with room for many of them, few live on until they are looked at. */
const YOUNG_MIB = 48;

export async function* viewInThread(
  task: ViewTask,
  { complain, signal }: { readonly complain: (text: string) => void; readonly signal: AbortSignal },
): AsyncGenerator<ControlAnswer> {
  const thread = newThread({ workerData: task, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } });
  try {
    for await (const [said] of on(thread, "message", { signal, close: ["exit"] }) as AsyncIterable<[ViewMessage]>) {
      if (said.is === "failed") throw Object.assign(new Error(said.reason), { code: said.code });
      if (said.is === "complaint") complain(said.text);
      else yield said;
      if (said.is === "done") return;
      thread.postMessage("more");
    }
    throw new Error("the list broke off");
  } finally {
    await thread.terminate();
  }
}

function newThread(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./view-thread.js", import.meta.url), options);
  // Run from source: a thread does not have the loader of the process.
  const jiti = createRequire(import.meta.url).resolve("jiti");
  const thread = new URL("./view-thread.ts", import.meta.url).href;
  return new Worker(
    `require(${JSON.stringify(jiti)}).createJiti(${JSON.stringify(thread)}).import(${JSON.stringify(thread)});`,
    { ...options, eval: true },
  );
}
