/** THREAD=ORDEREDSUBJECT (RFC 5256 3): messages of one base subject are one thread; its first message is the parent of all others. */
import { adopt, bySentDate, compareSent, nodeOf, type ThreadedMessage, type ThreadNode } from "./thread-tree.ts";

export function threadBySubject(messages: readonly ThreadedMessage[]): readonly ThreadNode[] {
  const roots = new Map<string, ThreadNode>();
  for (const message of messages.toSorted(compareSent)) {
    const node = nodeOf(message);
    const root = roots.get(message.subject);
    if (root) adopt(root, node);
    else roots.set(message.subject, node);
  }
  return [...roots.values()].sort(bySentDate);
}
