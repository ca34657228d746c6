/**
 * `Filing`: a message enters an account's mailboxes as the hook `fileInto` says, into INBOX if nobody says anything. Mailboxes come
 * first and are safe to repeat; redirects come last. A mailbox that cannot be used gives way to INBOX; what goes wrong beyond that
 * puts the recipient off. Never throws.
 */
import { Readable } from "node:stream";
import type { Account } from "../contracts/account.ts";
import type { Delivery, Filing, FilingResult, Outcome, RemoteReply } from "../contracts/delivery.ts";
import type { Message, Recipient } from "../contracts/envelope.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import {
  type AccountMailboxes,
  MailboxStore,
  type NewMessage,
  type StoreErrorCode,
} from "../contracts/mailbox-store.ts";
import type { Quotas } from "../contracts/quota.ts";
import type { SharedMailboxes, Sharing } from "../contracts/sharing.ts";
import type { Submit } from "../contracts/submit.ts";
import type { FilingAction } from "../contracts/verdicts.ts";
import { isStored, readPieces } from "../kernel/message.ts";
import { type Address, isSameAddress } from "../mail/address.ts";
import { formatField } from "../mail/header.ts";

export interface FilingRoom {
  readonly kernel: Kernel;
  readonly submit: Submit;
  /** Left out: rules name mailboxes of the account itself only. */
  readonly sharing?: () => Sharing;
  readonly log: Log;
  /** Left out: full mailboxes may have room later. */
  readonly whenFull?: Quotas["whenFull"];
}

type Fields = readonly { readonly name: string; readonly value: string }[];

export function createFiling(room: FilingRoom): Filing {
  return {
    async file(delivery, recipient, account, fields = []) {
      try {
        return await file(room, { delivery, recipient, account, fields });
      } catch (cause) {
        const fields = { id: delivery.envelope.id, login: account.login, err: cause };
        // An account that is full is its own affair.
        if (storeCode(cause) === "overQuota") room.log.info(fields, "the account is full");
        else room.log.error(fields, "a message could not be filed");
        return { outcome: outcomeOf(cause, room.whenFull ?? "defer"), mailboxes: [] };
      }
    },
  };
}

interface Case {
  readonly delivery: Delivery;
  readonly recipient: Recipient;
  readonly account: Account;
  readonly fields: Fields;
}

const keepAll: readonly FilingAction[] = [{ do: "keep" }];

async function file(room: FilingRoom, about: Case): Promise<FilingResult> {
  const actions = await actionsFor(room.kernel, about);
  if ("at" in actions) return { outcome: actions, mailboxes: [] };
  const refusal = actions.list.find((action) => action.do === "reject");
  if (refusal?.do === "reject") {
    // RFC 5429 2.1: the reason is the user's, and the sender is told.
    return { outcome: failed(550, "5.7.1", refusal.reason), mailboxes: [] };
  }
  const mailboxes = await intoMailboxes(room, about, actions.list);
  const redirects = actions.list.flatMap((action) => (action.do === "redirect" ? [action.address] : []));
  for (const address of redirects) {
    const isToSelf = isSameAddress(address, about.recipient.address);
    const result = isToSelf ? "refused" : await redirect(room, about, address);
    if (result === "later") return { outcome: putOff, mailboxes };
    // RFC 5228 2.10.6: what an action could not do must not cost the message; a circle of one is no redirect.
    if (result === "refused" && !mailboxes.includes("INBOX")) mailboxes.push(await intoInbox(room, about));
  }
  const text = [
    mailboxes.length > 0 && `filed into ${mailboxes.join(", ")}`,
    redirects.length > 0 && `redirected to ${redirects.map(String).join(", ")}`,
  ].filter((part) => part !== false);
  return { outcome: delivered(text.length > 0 ? text.join("; ") : "discarded"), mailboxes };
}

async function actionsFor(
  kernel: Kernel,
  { recipient, delivery, account }: Case,
): Promise<{ readonly list: readonly FilingAction[] } | Outcome> {
  if (!kernel.hears("fileInto")) return { list: keepAll };
  const asked = kernel.claim("fileInto", recipient, delivery, account);
  const { verdict } = asked instanceof Promise ? await asked : asked;
  if (verdict === null) return { list: keepAll };
  if (verdict.verdict === "filed") return { list: verdict.actions };
  const { text, code = 451, detail = "3.0" } = verdict.refusal;
  return { at: "deferred", reply: { code, status: `4.${detail}`, text, host: null } };
}

async function intoMailboxes(room: FilingRoom, about: Case, actions: readonly FilingAction[]): Promise<string[]> {
  const filed: string[] = [];
  for (const action of actions) {
    if (action.do === "keep") {
      if (!filed.includes("INBOX")) filed.push(await intoInbox(room, about, action.flags));
    } else if (action.do === "fileInto") {
      const name = await intoNamed(room, about, action);
      if (!filed.includes(name)) filed.push(name);
    }
  }
  return filed;
}

async function intoInbox(room: FilingRoom, about: Case, flags: readonly string[] = []): Promise<string> {
  const mailboxes = await mailboxesOf(room, about);
  await mailboxes.deliver("INBOX", newMessage(about, flags));
  return "INBOX";
}

async function intoNamed(
  room: FilingRoom,
  about: Case,
  { mailbox, flags = [], create = false }: Extract<FilingAction, { do: "fileInto" }>,
): Promise<string> {
  let isElsewhere = false;
  try {
    const mailboxes = await namedMailboxesOf(room, about);
    isElsewhere = isOthers(mailboxes, mailbox);
    await mailboxes.deliver(mailbox, newMessage(about, flags), { create });
    return mailbox;
  } catch (cause) {
    const code = storeCode(cause);
    // Senders need not care for the quota of whoever shares a mailbox.
    const givesWay = code !== null && (GIVES_WAY.has(code) || (isElsewhere && code === "overQuota"));
    if (!givesWay) throw cause;
    const fields = { id: about.delivery.envelope.id, login: about.account.login, mailbox, code };
    room.log.warn(fields, "filed into INBOX instead");
    return intoInbox(room, about, flags);
  }
}

const GIVES_WAY: ReadonlySet<string> = new Set<StoreErrorCode>(["nonexistent", "cannot", "noPermission", "limit"]);

const mailboxesOf = ({ kernel }: FilingRoom, { account }: Case): Promise<AccountMailboxes> =>
  kernel.service(MailboxStore).of(account);

/** RFC 4314 4: into mailboxes of others an account files what it has the right `p` for. */
const namedMailboxesOf = (room: FilingRoom, about: Case): Promise<AccountMailboxes | SharedMailboxes> =>
  room.sharing ? room.sharing().of(about.account) : mailboxesOf(room, about);

const isOthers = (mailboxes: AccountMailboxes | SharedMailboxes, name: string): boolean =>
  "namespaces" in mailboxes &&
  [...mailboxes.namespaces.otherUsers, ...mailboxes.namespaces.shared].some((prefix) => name.startsWith(prefix));

function newMessage({ delivery, recipient, fields }: Case, flags: readonly string[]): NewMessage {
  const { message } = delivery;
  const above = Buffer.from(fields.map(({ name, value }) => formatField(name, value)).join(""));
  return {
    content: contentOf(above, message),
    sizeBytes: above.length + message.sizeBytes,
    flags,
    // The same hand-over after a crash has the same name.
    deliveryId: `${delivery.envelope.id}.${recipient.id}`,
    ...(delivery.isFirstTry && { isFirstTry: true }),
  };
}

function contentOf(above: Uint8Array, message: Message): Readable | readonly Uint8Array[] {
  const pieces = message.inMemory();
  if (pieces) return above.length === 0 ? pieces : [above, ...pieces];
  if (isStored(message)) return readPieces([above, message.header, ...message.body]);
  return Readable.from(
    (async function* () {
      yield above;
      yield* message.content();
    })(),
  );
}

/** RFC 5228 4.2: the message goes on with its own sender, and is not changed but for its trace. */
async function redirect(room: FilingRoom, { delivery }: Case, address: Address): Promise<"sent" | "refused" | "later"> {
  const { envelope, message } = delivery;
  const draft = room.submit.open({
    origin: "forward",
    session: null,
    reversePath: envelope.reversePath,
    body: envelope.body,
    isSmtpUtf8: envelope.isSmtpUtf8,
    requiresTls: envelope.requiresTls,
    ret: envelope.ret,
    envid: envelope.envid,
  });
  try {
    const admission = await draft.admit({ address, orcpt: null, notify: new Set() });
    const submitted = admission.at === "admitted" ? await draft.submit(message) : admission;
    if (submitted.at !== "refused") return "sent";
    const fields = { id: envelope.id, to: address.toString(), text: submitted.refusal.text };
    room.log.warn(fields, "a redirect was refused");
    return submitted.isPermanent ? "refused" : "later";
  } finally {
    await draft.close();
  }
}

const delivered = (text: string): Outcome => ({ at: "delivered", reply: reply(250, "2.0.0", text) });
const failed = (code: number, status: string, text: string): Outcome => ({
  at: "failed",
  reply: reply(code, status, text),
});
const reply = (code: number, status: string, text: string): RemoteReply => ({ code, status, text, host: null });
const putOff: Outcome = { at: "deferred", reply: reply(451, "4.3.0", "The mailbox cannot be used now") };

// RFC 3463 3.3: X.2.2 Mailbox full
const full: Outcome = { at: "deferred", reply: reply(452, "4.2.2", "The mailbox is full") };
const fullForGood = failed(552, "5.2.2", "The mailbox is full");

const outcomeOf = (cause: unknown, whenFull: Quotas["whenFull"]): Outcome =>
  storeCode(cause) !== "overQuota" ? putOff : whenFull === "defer" ? full : fullForGood;

/** The code of a `StoreError`, told by the field: a store may be a plugin with its own copy of that class. */
const storeCode = (cause: unknown): string | null =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null;
