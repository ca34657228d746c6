/** The other side of the hash pool: one task after the other, as it is asked. */
import { parentPort } from "node:worker_threads";
import { parseSecret, SecretError } from "./scheme.ts";
import { type ScramCost, type ScramKeys, scramKeys } from "./scram-keys.ts";
import { makeSecret, type NewSecret, schemeNamed } from "./table.ts";

export type HashTask =
  | { readonly do: "verify"; readonly password: string; readonly secret: string }
  | { readonly do: "scramKeys"; readonly password: string; readonly cost: ScramCost }
  | { readonly do: "make"; readonly password: string; readonly as: NewSecret };

/** What each task results in. */
export interface HashResults {
  readonly verify: boolean;
  readonly scramKeys: ScramKeys;
  readonly make: string;
}

/** `error` is a text without the secret. */
export type HashAnswer = { readonly result: HashResults[keyof HashResults] } | { readonly error: string };

parentPort?.on("message", (task: HashTask) => parentPort?.postMessage(answer(task)));

function answer(task: HashTask): HashAnswer {
  try {
    return { result: work(task) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function work(task: HashTask): HashResults[keyof HashResults] {
  switch (task.do) {
    case "verify": {
      const stored = parseSecret(task.secret);
      const scheme = stored && schemeNamed(stored.scheme);
      if (!stored || !scheme) throw new SecretError("unknown password scheme");
      return scheme.verify(task.password, stored);
    }
    case "scramKeys":
      return scramKeys(task.password, task.cost);
    case "make":
      return makeSecret(task.password, task.as);
  }
}
