/** Actions on messages, each in the slot that has it. */
import type { Acted, Action, QueueFilter } from "../../control/request.ts";
import type { Slots } from "./slots.ts";

/** Slots, and the ids that are meant there. */
export type Meant = readonly { readonly slots: readonly number[]; readonly ids: readonly string[] }[];

/** Which messages fit, as far as the action is of any use to them: what is held is not tried, and only that is released. */
export async function meantBy(action: Action, filter: QueueFilter, slots: Slots): Promise<Meant> {
  const useful = usefulStates[action];
  const states = useful && (filter.states?.filter((state) => useful.includes(state)) ?? useful);
  const found = new Map<number, string[]>();
  const request = { ask: "list", filter: { ...filter, ...(states && { states }) }, form: "ids" } as const;
  for await (const { slot, said } of slots.ask(request)) {
    if (said.is !== "piece") continue;
    const ids = found.get(slot) ?? [];
    found.set(slot, ids);
    // Not spread: there may be more of them than a call takes.
    for (const id of Buffer.from(said.piece).toString("latin1").split("\n")) if (id !== "") ids.push(id);
  }
  return [...found].map(([slot, ids]) => ({ slots: [slot], ids }));
}

const usefulStates: Readonly<Partial<Record<Action, QueueFilter["states"]>>> = {
  hold: ["active", "ready", "waiting"],
  flush: ["active", "ready", "waiting"],
  release: ["held"],
};

/** Of ids alone nobody knows where they are. */
export const meantAnywhere = (ids: readonly string[], slots: Slots): Meant => [{ slots: slots.numbers, ids }];

/** For one request; each costs the opening of a spool where the server is stopped. */
const ACT_AT_ONCE = 100_000;

/** What became of each. An id that was meant anywhere is told of once for each slot. */
export async function* act(
  action: Action,
  meant: Meant,
  slots: Slots,
  text: string | null = null,
): AsyncGenerator<Acted> {
  for (const { slots: numbers, ids } of meant) {
    for (let at = 0; at < ids.length; at += ACT_AT_ONCE) {
      const some = ids.slice(at, at + ACT_AT_ONCE);
      for await (const { said } of slots.ask({ ask: "act", action, ids: some, text }, numbers))
        if (said.is === "acted") yield said.acted;
    }
  }
}
