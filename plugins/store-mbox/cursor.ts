/** What the index keeps of a mailbox as a whole: how the file looked when all that it says was so. */

import type { MboxQuoting } from "postern/store";
import type { Look, MailboxState } from "./mailbox-state.ts";
import { Message } from "./message.ts";

/** Mail that was delivered without looking into the mailbox: the file as it was afterwards, and what came. */
export interface Unread {
  readonly stamp: string;
  readonly sizeBytes: number;
  readonly messages: number;
}

export interface Cursor {
  readonly look: Look;
  readonly lead: Message | null;
  /** Octets of all messages. */
  readonly sizeBytes: number;
  readonly unread: Unread | null;
}

const VERSION = 1;

interface Written extends Look {
  readonly version: number;
  readonly quoting: MboxQuoting;
  readonly lead: { readonly internalDate: number; readonly sizeBytes: number; readonly place: string } | null;
  readonly sizeBytes: number;
  readonly unread?: Unread;
}

export function cursorText({ look, lead, sizeBytes }: MailboxState, stamp: string, quoting: MboxQuoting): string {
  const written: Written = {
    ...{ version: VERSION, quoting, sizeBytes },
    ...{ ...look, stamp },
    lead: lead && { internalDate: lead.internalDate, sizeBytes: lead.sizeBytes, place: lead.placeOf(0) },
  };
  return JSON.stringify(written);
}

/** `null`: what the index says does not count, as others may have changed anything, or messages were read in another way. */
export function cursorOf(text: string, quoting: MboxQuoting): Cursor | null {
  if (text === "") return null;
  const { version, quoting: its, lead, sizeBytes, unread = null, ...look } = JSON.parse(text) as Written;
  if (version !== VERSION || its !== quoting) return null;
  return { look, lead: lead && Message.recalled({ uid: 0, ...lead }, 0), sizeBytes, unread };
}

/** The same, but that mail was put behind it. */
export const withUnread = (text: string, unread: Unread): string =>
  JSON.stringify({ ...(JSON.parse(text) as Written), unread });
