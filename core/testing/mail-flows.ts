/** The mail flows of a test file: each with the plugins that all of its tests have, all of them closed behind each test. */
import type { Listed } from "./kernel.ts";
import { type MailFlow, type MailFlowInit, openMailFlow } from "./mail-flow.ts";

export class MailFlows {
  readonly #always: readonly Listed[];
  readonly #open = new Set<MailFlow>();

  constructor(...always: readonly Listed[]) {
    this.#always = always;
  }

  readonly open = async (plugins: readonly Listed[], more: Partial<MailFlowInit> = {}): Promise<MailFlow> => {
    const flow = await openMailFlow({ plugins: [...this.#always, ...plugins], ...more });
    this.#open.add(flow);
    return flow;
  };

  /** The same spool after a crash of this one, which need not be closed any more. */
  async again(flow: MailFlow, plugins: readonly Listed[], more: Partial<MailFlowInit> = {}): Promise<MailFlow> {
    await flow.crash();
    this.#open.delete(flow);
    return this.open(plugins, { directory: flow.directory, clock: flow.clock, ...more });
  }

  /** The last one first: it may use what another one has left. */
  async close(): Promise<void> {
    const open = [...this.#open].reverse();
    this.#open.clear();
    for (const flow of open) await flow.close();
  }
}
