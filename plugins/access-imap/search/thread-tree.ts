/** Messages in threads (RFC 5256 3): a forest whose nodes may stand for messages that are not here. Nothing recurses: hostile mail nests deep. */

/** What threading has to know of a message. */
export interface ThreadedMessage {
  /** Sequence number or UID, whichever is told. */
  readonly shown: number;
  readonly number: number;
  /** RFC 5256 2.2; milliseconds since 1970. */
  readonly sentDate: number;
  readonly internalDate: number;
  /** Ids as RFC 5256 3 normalizes them; `null` where there is none. */
  readonly messageId: string | null;
  readonly references: readonly string[];
  /** Base subject, casemapped. */
  readonly subject: string;
  readonly isReplyOrForward: boolean;
}

export interface ThreadNode {
  /** `null`: somebody refers to it, but it is not among the messages. */
  message: ThreadedMessage | null;
  parent: ThreadNode | null;
  children: ThreadNode[];
}

export const nodeOf = (message: ThreadedMessage | null): ThreadNode => ({ message, parent: null, children: [] });

export function adopt(parent: ThreadNode, child: ThreadNode): void {
  child.parent = parent;
  parent.children.push(child);
}

/** Every node below and with the roots, parents before children. */
export function everyNode(roots: readonly ThreadNode[]): ThreadNode[] {
  const found = [...roots];
  for (let at = 0; at < found.length; at++) for (const child of found[at]?.children ?? []) found.push(child);
  return found;
}

/** The message that a thread is dated and named by: its own, or that of its first child. Children of dummies are messages. */
export const speakerOf = ({ message, children }: ThreadNode): ThreadedMessage | null =>
  message ?? children[0]?.message ?? null;

export function compareSent(a: ThreadedMessage | null, b: ThreadedMessage | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  // RFC 5256 3: the same date, then the sequence number.
  return a.sentDate - b.sentDate || a.number - b.number;
}

export const bySentDate = (a: ThreadNode, b: ThreadNode): number => compareSent(speakerOf(a), speakerOf(b));

/** `(2)(3 6 (4 23)(44 7 96))` (RFC 5256 4), in pieces that are written one after the other. */
export function* formatThreads(roots: readonly ThreadNode[]): Generator<string> {
  for (const root of roots) {
    // Nodes to come, and parentheses between them.
    const open: (ThreadNode | string)[] = [")", root, "("];
    let needsBlank = false;
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (typeof next === "string") {
        yield next === "(" && needsBlank ? " (" : next;
        needsBlank = false;
        continue;
      }
      if (next.message) yield `${needsBlank ? " " : ""}${next.message.shown}`;
      const { children } = next;
      needsBlank = next.message !== null;
      if (children.length === 1) open.push(children[0] as ThreadNode);
      else for (let at = children.length - 1; at >= 0; at--) open.push(")", children[at] as ThreadNode, "(");
    }
  }
}
