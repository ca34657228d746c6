/**
 * The spool of a plugin, for the rooms that are made before plugins are set up. It is looked up at each call; the plugin that
 * provides it also ends it, in its `stop`.
 */
import type { Kernel } from "../contracts/kernel.ts";
import { Spool } from "../contracts/spool.ts";

export function providedSpool(kernel: Pick<Kernel, "service">): Spool {
  const spool = () => kernel.service(Spool);
  return {
    hasRoomFor: (sizeBytes) => spool().hasRoomFor?.(sizeBytes) ?? true,
    receive: (sizeHintBytes) => spool().receive(sizeHintBytes),
    accept: (envelope, message) => spool().accept(envelope, message),
    settle: (id, recipientId, outcome) => spool().settle(id, recipientId, outcome),
    reschedule: (id, change) => spool().reschedule(id, change),
    hold: (id, reason) => spool().hold(id, reason),
    list: () => spool().list(),
    remove: (id) => spool().remove(id),
    read: (id) => spool().read(id),
    recovered: (until) => spool().recovered(until),
    close: async () => undefined,
  };
}
