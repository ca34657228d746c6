/**
 * LIST responses, each with what was asked for beside it: STATUS (RFC 5819), MYRIGHTS (RFC 8440), METADATA (RFC 9590). A mailbox of
 * which that cannot be had is told without.
 */
import type { AccountMailboxes } from "postern/plugin";
import { formatRightsList } from "../acl/rights.ts";
import { isShared } from "../acl/shared-mailboxes.ts";
import { formatEntries } from "../metadata/entries.ts";
import { mailboxEntries } from "../metadata/read.ts";
import { isStoreError, storeReply } from "../reply.ts";
import type { ImapSession } from "../session.ts";
import type { Returns } from "./arguments.ts";
import type { ListRow } from "./rows.ts";
import { statusOf } from "./status-items.ts";

export async function tellRow(
  session: ImapSession,
  mailboxes: AccountMailboxes,
  { row, returns }: { readonly row: ListRow; readonly returns: Returns },
): Promise<void> {
  const { out } = session;
  const name = session.formatName(row.name);
  let { attributes } = row;
  let status: string | null = null;
  if (returns.status && row.isWhole) {
    const found = await statusUnless(session, mailboxes, { name: row.name, wanted: returns.status });
    // RFC 5819 2: a mailbox that turns out not to be selectable is told so, and without STATUS.
    if (found === "unselectable") attributes = [...attributes, "\\NoSelect"];
    else status = found;
  }
  const childInfo = row.childInfo.map((option) => `"${option}"`).join(" ");
  const extended = childInfo === "" ? "" : ` ("CHILDINFO" (${childInfo}))`;
  out.line(`* LIST (${attributes.join(" ")}) "${mailboxes.separator}" ${name}${extended}`);
  if (status !== null) out.line(`* ${status}`);
  if (returns.hasRights && row.isWhole && isShared(mailboxes)) {
    // RFC 8440 3: behind the LIST response; not of what does not exist, or does not meet the selection.
    const rights = await orNothing(session, mailboxes.rights(row.name));
    if (rights) out.line(`* MYRIGHTS ${name} ${formatRightsList(rights)}`);
  }
  if (returns.metadata && row.isWhole) {
    const entries = await orNothing(session, mailboxEntries(mailboxes, row, returns.metadata));
    // RFC 9590 3: what is not set is NIL.
    if (entries) out.line(`* METADATA ${name} (${formatEntries(entries)})`);
  }
  const wait = out.flushIfFull();
  if (wait) await wait;
}

type Asked = Parameters<typeof statusOf>[2];

async function statusUnless(
  session: ImapSession,
  mailboxes: AccountMailboxes,
  asked: Asked,
): Promise<string | "unselectable" | null> {
  try {
    return await statusOf(session, mailboxes, asked);
  } catch (fault) {
    if (isStoreError(fault, "nonexistent") || isStoreError(fault, "noPermission")) return "unselectable";
    return passOver(session, fault);
  }
}

async function orNothing<T>(session: ImapSession, pending: Promise<T>): Promise<T | null> {
  try {
    return await pending;
  } catch (fault) {
    return passOver(session, fault);
  }
}

/** RFC 5819 2: what fails for one mailbox does not fail the LIST. */
function passOver(session: ImapSession, fault: unknown): null {
  if (!storeReply(fault)) session.log.error({ err: fault }, "a mailbox is listed without what was asked for");
  return null;
}
