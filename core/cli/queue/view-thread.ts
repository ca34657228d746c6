/** The other side of `view.ts`: one slot's list, a few pieces ahead of whoever takes them. */
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import type { Log } from "../../contracts/log.ts";
import { listed } from "../../control/desk.ts";
import type { ControlAnswer, ListForm, QueueFilter } from "../../control/request.ts";
import { viewSpool } from "../../spool/view.ts";

export interface ViewTask {
  readonly directory: string;
  readonly filter: QueueFilter;
  readonly form: ListForm;
}

export type ViewMessage =
  | ControlAnswer
  /** For people. */
  | { readonly is: "complaint"; readonly text: string }
  | { readonly is: "failed"; readonly code: string | undefined; readonly reason: string };

const AHEAD = 4;

async function tell(port: NonNullable<typeof parentPort>, { directory, filter, form }: ViewTask): Promise<void> {
  const say = (message: ViewMessage): void => port.postMessage(message);
  let ahead = 0;
  port.on("message", () => {
    ahead -= 1;
  });
  const view = await viewSpool({ dir: directory, log: complaints(say) });
  try {
    for await (const said of listed({ spool: view, stateOf: () => null, clock: Date }, filter, form)) {
      say(said);
      ahead += 1;
      while (ahead >= AHEAD) await once(port, "message");
    }
  } finally {
    await view.close();
  }
  say({ is: "done" });
}

function complaints(say: (message: ViewMessage) => void): Log {
  const complain = (_: object, text: string) => say({ is: "complaint", text });
  const log: Log = { debug() {}, info() {}, warn: complain, error: complain, child: () => log };
  return log;
}

if (parentPort) {
  const port = parentPort;
  await tell(port, workerData as ViewTask).catch((cause: NodeJS.ErrnoException) =>
    port.postMessage({ is: "failed", code: cause.code, reason: cause.message } satisfies ViewMessage),
  );
  port.close();
}
