/** The taps of one running plugin: its handlers with what the guard has to know. */

import { hookRow, isHookName } from "./hook-table.ts";
import type { LivePlugin } from "./setup.ts";
import type { Handler, Tap } from "./tap.ts";

export function tapsOf({ entry, live, log }: LivePlugin): readonly Tap[] {
  return Object.entries(live.hooks ?? {}).flatMap(([hook, handler]) => {
    if (!isHookName(hook) || typeof handler !== "function") return [];
    const row = hookRow(hook);
    // Handlers differ in their arguments; the chain of a hook hands over what its type says.
    return [
      {
        hook,
        row,
        entry,
        log,
        handler: handler.bind(live.hooks) as Handler,
        timeoutMs: entry.timeoutMs ?? row.timeoutMs,
      },
    ];
  });
}
