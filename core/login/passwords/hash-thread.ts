/** The other side of the hash pool: checks one password after the other, as it is asked. */
import { parentPort } from "node:worker_threads";
import { parseSecret } from "./scheme.ts";
import { schemeNamed } from "./table.ts";

export interface HashTask {
  readonly password: string;
  readonly secret: string;
}

/** `error` is a text without the secret. */
export type HashAnswer = { readonly isRight: boolean } | { readonly error: string };

parentPort?.on("message", (task: HashTask) => parentPort?.postMessage(answer(task)));

function answer({ password, secret }: HashTask): HashAnswer {
  try {
    const stored = parseSecret(secret);
    const scheme = stored && schemeNamed(stored.scheme);
    return stored && scheme ? { isRight: scheme.verify(password, stored) } : { error: "unknown password scheme" };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
