/**
 * Delivery: a message at the end of the mbox, on disk when it resolves. A mailbox that this process does not know is not looked into for it.
 * The same delivery again is known by a mark that stays with the message.
 */
import type { AccountQuota, NewMessage } from "postern/plugin";
import { canonicalFlags, layoutOf } from "postern/store";
import { type Appending, appendBlindly, appendingOf, appendLocked, contentOf } from "./append.ts";
import type { Folder } from "./folder.ts";
import { suspicionOf } from "./message.ts";
import { Spooled } from "./spool.ts";
import { admit, tellCame } from "./toll.ts";

export interface Delivering {
  readonly mailbox: string;
  readonly quota: AccountQuota | null;
}

/** `message` is spooled once, so that a mailbox that has to be made first can be tried again. */
export async function deliverSpooled(
  folder: Folder,
  { message, spooled }: { readonly message: NewMessage; readonly spooled: Spooled },
  { mailbox, quota }: Delivering,
): Promise<void> {
  const appending = appendingOf(message, spooled, folder.site.clock.now());
  const size = spooled.facts.sizeBytes;
  if (!message.isBeyondQuota) await admit(quota, mailbox, [size]);
  const isNew = message.deliveryId === undefined || message.isFirstTry === true;
  if (isNew && folder.isUnknown) await folder.useBlindly((file) => appendBlindly(folder, file, appending));
  else {
    const isTaken = await folder.use("exclusive", async (file) => {
      if (!isNew && (await hasTag(folder, file.fd, appending.tag))) return false;
      await appendLocked(folder, file, { messages: [appending], by: null });
      return true;
    });
    if (!isTaken) return;
  }
  await tellCame(quota, mailbox, [size]);
}

async function hasTag({ snapshot }: Folder, fd: number, tag: string): Promise<boolean> {
  const suspicion = suspicionOf(tag);
  for (const { message } of snapshot) {
    if (message.suspicion === suspicion && (await layoutOf(fd, message))?.facts.tag === tag) return true;
  }
  return false;
}

/** All or nothing. */
export async function appendMessages(
  folder: Folder,
  messages: readonly NewMessage[] | AsyncIterable<NewMessage>,
  { mailbox, quota }: Delivering,
): Promise<{ readonly uidValidity: number; readonly uids: readonly number[] }> {
  folder.prepare();
  const nowMs = folder.site.clock.now();
  const spooled: Spooled[] = [];
  const appending: Appending[] = [];
  /** Octets of those that count. */
  const limited: number[] = [];
  try {
    if (!Array.isArray(messages)) await admit(quota, mailbox, [0]);
    for await (const message of messages) {
      canonicalFlags(message.flags ?? []);
      if (!message.isBeyondQuota) await admit(quota, mailbox, [...limited, message.sizeBytes ?? 0]);
      const one = await Spooled.of(contentOf(message), folder.site.quoting, folder.place.control);
      spooled.push(one);
      if (!message.isBeyondQuota) limited.push(one.facts.sizeBytes);
      appending.push({ ...appendingOf(message, one, nowMs), uid: message.uid ?? null, uniqueId: message.uniqueId });
    }
    await admit(quota, mailbox, limited);
    const uids = await folder.use("exclusive", (file) => appendLocked(folder, file, { messages: appending, by: null }));
    await tellCame(
      quota,
      mailbox,
      spooled.map(({ facts }) => facts.sizeBytes),
    );
    return { uidValidity: folder.state.uidValidity, uids };
  } finally {
    for (const one of spooled) one.close();
  }
}
