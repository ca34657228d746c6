/** Which waiting messages somebody means. Pure; what a filter costs grows with the messages and not with their sizes. */
import type { RemoteReply } from "../contracts/delivery.ts";
import type { ListedMessage, QueueFilter } from "./request.ts";

export function filterOf(filter: QueueFilter, nowMs: number): (message: ListedMessage) => boolean {
  const tests: ((message: ListedMessage) => boolean)[] = [];
  const { ids, olderMs, newerMs, largerBytes, smallerBytes, sender, recipient, domain, reply, states, plugin } = filter;
  if (ids) {
    const wanted = new Set(ids);
    tests.push(({ id }) => wanted.has(id));
  }
  if (olderMs !== undefined) tests.push(({ acceptedAt }) => nowMs - acceptedAt > olderMs);
  if (newerMs !== undefined) tests.push(({ acceptedAt }) => nowMs - acceptedAt < newerMs);
  if (largerBytes !== undefined) tests.push(({ sizeBytes }) => sizeBytes > largerBytes);
  if (smallerBytes !== undefined) tests.push(({ sizeBytes }) => sizeBytes < smallerBytes);
  if (states) tests.push(({ state }) => states.includes(state));
  if (sender !== undefined) {
    const fits = matcher(sender === "<>" ? "" : sender);
    tests.push(({ reversePath, login }) => fits(reversePath ?? "") || (login !== null && fits(login)));
  }
  if (recipient !== undefined) {
    const fits = matcher(recipient);
    tests.push(({ open }) => open.some(fits));
  }
  if (domain !== undefined) {
    const fits = matcher(domain.startsWith(".") ? `*${domain}` : domain);
    const isBase = (name: string) => domain.startsWith(".") && name.toLowerCase() === domain.slice(1).toLowerCase();
    tests.push(({ open }) =>
      open.map((address) => address.slice(address.lastIndexOf("@") + 1)).some((name) => fits(name) || isBase(name)),
    );
  }
  if (reply !== undefined) {
    const words = reply.toLowerCase();
    tests.push(({ lastReply, hold }) =>
      [hold, lastReply && wordsOf(lastReply)].some((text) => text?.toLowerCase().includes(words)),
    );
  }
  if (plugin !== undefined) tests.push(({ by }) => by === plugin);
  return (message) => tests.every((test) => test(message));
}

const wordsOf = ({ code, status, text, host }: RemoteReply): string => `${code} ${status ?? ""} ${text} ${host ?? ""}`;

/** Runs in linear time, whatever the pattern: the pieces between the stars are looked for one after the other. */
function matcher(pattern: string): (text: string) => boolean {
  const [first = "", ...rest] = pattern.toLowerCase().split("*");
  const last = rest.pop();
  if (last === undefined) return (text) => text.toLowerCase() === first;
  return (raw) => {
    const text = raw.toLowerCase();
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    for (const piece of rest) {
      const found = text.indexOf(piece, at);
      if (found === -1 || found + piece.length > text.length - last.length) return false;
      at = found + piece.length;
    }
    return true;
  };
}
