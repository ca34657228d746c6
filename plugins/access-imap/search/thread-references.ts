/**
 * THREAD=REFERENCES (RFC 5256 3) and THREAD=REFS (draft-ietf-morg-inthread 4): threads by what messages refer to. REFS does not look at
 * subjects, and puts the thread with the latest message last.
 */
import type { Pace } from "../pace.ts";
import {
  adopt,
  bySentDate,
  compareSent,
  everyNode,
  nodeOf,
  speakerOf,
  type ThreadedMessage,
  type ThreadNode,
} from "./thread-tree.ts";

/** A chain of answers that is longer is cut: looking for loops in it would take too long. */
const maxDepth = 2000;

export async function threadByReferences(
  messages: readonly ThreadedMessage[],
  how: { readonly mergesSubjects: boolean; readonly pace: Pace },
): Promise<readonly ThreadNode[]> {
  const linked = await link(messages, how.pace);
  let roots = prune(linked);
  // (4) Among themselves only; what is below a dummy is needed for its date.
  const below = everyNode(roots).reverse();
  for (const node of below) if (node.message === null) node.children.sort(bySentDate);
  roots.sort(bySentDate);
  await how.pace.breathe();
  if (how.mergesSubjects) roots = mergeSubjects(roots);
  // (6) Children before their parents, so that dummies have a date.
  for (const node of everyNode(roots).reverse()) node.children.sort(bySentDate);
  await how.pace.breathe();
  return how.mergesSubjects ? roots.sort(bySentDate) : byLatest(roots);
}

/** (1) and (2) */
async function link(messages: readonly ThreadedMessage[], pace: Pace): Promise<ThreadNode[]> {
  const byId = new Map<string, ThreadNode>();
  const all: ThreadNode[] = [];
  const known = (id: string): ThreadNode => {
    let node = byId.get(id);
    if (!node) {
      node = nodeOf(null);
      byId.set(id, node);
      all.push(node);
    }
    return node;
  };
  for (const message of messages) {
    const own = ownNode(message, known, all);
    let before: ThreadNode | null = null;
    for (const id of message.references) {
      const node = known(id);
      // (1A) A link that is there stays.
      if (before && node.parent === null && mayAdopt(before, node)) adopt(before, node);
      before = node;
    }
    // (1B) What others said about this message's parent counts less than what it says.
    if (before && before !== own.parent && mayAdopt(before, own)) {
      leave(own);
      adopt(before, own);
    }
    const pause = pace.breathe();
    if (pause) await pause;
  }
  return all.filter(({ parent }) => parent === null);
}

/** (1) Without an id, or with that of another message, a message has one of its own. */
function ownNode(message: ThreadedMessage, known: (id: string) => ThreadNode, all: ThreadNode[]): ThreadNode {
  const node = message.messageId === null ? null : known(message.messageId);
  if (node && node.message === null) {
    node.message = message;
    return node;
  }
  const own = nodeOf(message);
  all.push(own);
  return own;
}

/** (1) No loops. */
function mayAdopt(parent: ThreadNode, child: ThreadNode): boolean {
  if (parent === child) return false;
  if (child.children.length === 0) return true;
  let depth = 0;
  for (let node: ThreadNode | null = parent; node; node = node.parent)
    if (node === child || ++depth > maxDepth) return false;
  return true;
}

function leave(node: ThreadNode): void {
  if (node.parent) node.parent.children = node.parent.children.filter((other) => other !== node);
  node.parent = null;
}

/** (3) Dummies go; their children take their place, at the root only a single one. */
function prune(roots: readonly ThreadNode[]): ThreadNode[] {
  for (const node of everyNode(roots).reverse())
    node.children = node.children.flatMap((child) => (child.message ? [child] : child.children));
  const kept = roots.flatMap((root) => {
    if (root.message || root.children.length > 1) return [root];
    return root.children;
  });
  for (const node of everyNode(kept)) for (const child of node.children) child.parent = node;
  for (const root of kept) root.parent = null;
  return kept;
}

/** (5) */
function mergeSubjects(roots: readonly ThreadNode[]): ThreadNode[] {
  const table = new Map<string, ThreadNode>();
  const subjectOf = (node: ThreadNode): string => speakerOf(node)?.subject ?? "";
  const isReply = (node: ThreadNode): boolean => node.message?.isReplyOrForward === true;
  // (5B)
  for (const node of roots) {
    const subject = subjectOf(node);
    if (subject === "") continue;
    const other = table.get(subject);
    const isBetter =
      !other || (other.message !== null && (node.message === null || (isReply(other) && !isReply(node))));
    if (isBetter) table.set(subject, node);
  }
  // (5C)
  const merged = new Set(roots);
  for (const node of roots) {
    const subject = subjectOf(node);
    const other = subject === "" ? undefined : table.get(subject);
    if (!other || other === node) continue;
    merged.delete(node);
    if (other.message === null && node.message === null) for (const child of node.children) adopt(other, child);
    else if (other.message === null || (isReply(node) && !isReply(other))) adopt(other, node);
    else {
      const dummy = nodeOf(null);
      adopt(dummy, other);
      adopt(dummy, node);
      merged.delete(other);
      merged.add(dummy);
      table.set(subject, dummy);
    }
  }
  return [...merged];
}

/** REFS: by the latest arrival in each thread. */
function byLatest(roots: readonly ThreadNode[]): readonly ThreadNode[] {
  const latest = new Map<ThreadNode, ThreadedMessage | null>();
  for (const root of roots) {
    let last: ThreadedMessage | null = null;
    for (const { message } of everyNode([root]))
      if (message && (last === null || compareArrival(message, last) > 0)) last = message;
    latest.set(root, last);
  }
  return roots.toSorted((a, b) => {
    const [left, right] = [latest.get(a) ?? null, latest.get(b) ?? null];
    return left && right ? compareArrival(left, right) : compareSent(left, right);
  });
}

const compareArrival = (a: ThreadedMessage, b: ThreadedMessage): number =>
  a.internalDate - b.internalDate || a.number - b.number;
