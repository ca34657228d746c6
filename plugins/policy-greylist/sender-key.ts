/**
 * The sender as greylisting remembers it. Senders that write a new address for each message (VERP, BATV, numbered bounces) would
 * never come back with the same one, so what changes is left out, as postgrey does. The null sender is the empty text. Pure.
 */
import type { Address } from "postern/plugin";

/** RFC-draft levine-smtp-batv: `prvs=tag=local`, and the other way round as some write it. */
const BATV = /^prvs=([^=]*)=([^=]*)$/i;
const TAG = /^[0-9a-z]{10}/i;

export function senderKey(reversePath: Address | null): string {
  if (reversePath === null) return "";
  const { localPart, domain } = reversePath;
  const bare = withoutTag(localPart)
    .replace(/\+.*/s, "")
    .replace(/\b\d+\b/g, "#");
  return `${bare}@${domain}`.toLowerCase();
}

function withoutTag(localPart: string): string {
  const [, one, other] = BATV.exec(localPart) ?? [];
  if (one === undefined || other === undefined) return localPart;
  return TAG.test(other) && !TAG.test(one) ? one : other;
}
