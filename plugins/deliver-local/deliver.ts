/**
 * One delivery to accounts of this server: trace fields, loop check, filing, each recipient settled by itself. What a signal
 * keeps from being tried stays unsettled: the queue puts it off.
 */
import { wasDeliveredTo } from "postern/mail";
import type { Accounts, Call, Delivery, Filing, Log, Message, Outcome, Recipient } from "postern/plugin";
import { returnPathOf, withoutReturnPath } from "./return-path.ts";

export const TRANSPORT = "local";
/** Recipients of one message that are filed at the same time: their flushes run together. */
const AT_ONCE = 8;

export interface DeliverRoom {
  readonly accounts: Accounts;
  readonly filing: Filing;
  readonly log: Log;
  readonly call: Call;
}

export async function deliverAll(delivery: Delivery, room: DeliverRoom): Promise<void> {
  const waiting = [...delivery.recipients];
  const message = await withoutReturnPath(delivery.message);
  const work = async (): Promise<void> => {
    for (let recipient = waiting.shift(); recipient; recipient = waiting.shift()) {
      await delivery.settle(recipient, await deliverOne(delivery, { message, recipient }, room));
      // To ask for the signal makes one, which most deliveries need not pay for.
      if (waiting.length === 0 || room.call.signal.aborted) return;
    }
  };
  if (waiting.length === 1) return work();
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, waiting.length) }, work));
}

async function deliverOne(
  delivery: Delivery,
  { message, recipient }: { readonly message: Message; readonly recipient: Recipient },
  { accounts, filing, log }: DeliverRoom,
): Promise<Outcome> {
  const { address } = recipient;
  const answer = await accounts.byAddress(address);
  if (answer.at === "unavailable") return outcome("deferred", 451, "4.3.0", "The directory cannot be asked now");
  if (answer.at === "unknown") return outcome("failed", 550, "5.1.1", "No such user here");
  if (wasDeliveredTo(message, address)) {
    return outcome("failed", 554, "5.4.6", `Mail for ${address} is going round in a loop`);
  }
  const about: Delivery = {
    envelope: delivery.envelope,
    message,
    route: delivery.route,
    recipients: delivery.recipients,
    attempt: delivery.attempt,
    isFirstTry: delivery.isFirstTry === true,
    settle: (whom, how) => delivery.settle(whom, how),
  };
  const { outcome: filed, mailboxes } = await filing.file(about, recipient, answer.account, [
    { name: "Return-Path", value: returnPathOf(delivery.envelope.reversePath) },
    { name: "Delivered-To", value: String(address) },
  ]);
  log.debug({ id: delivery.envelope.id, recipient: String(address), mailboxes, at: filed.at }, "filed");
  return filed;
}

const outcome = (at: Outcome["at"], code: number, status: string, text: string): Outcome => ({
  at,
  reply: { code, status, text, host: null },
});
