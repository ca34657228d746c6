/**
 * After a crash: which recipients of a file that was being handed over the spool has not got. All of a message is accepted or nothing; but
 * addresses with reverse-paths of their own (lists) make messages of their own, and of those one may be there without the others.
 */
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Spool } from "../contracts/spool.ts";
import type { LeftRecipient } from "./format.ts";
import { pathOf } from "./hand-over.ts";

/** `null`: the spool has no message with this id, or cannot say. */
export async function missingRecipients(
  { spool, facts }: { readonly spool: Spool; readonly facts: ServerFacts },
  id: string,
): Promise<((recipient: LeftRecipient) => boolean) | null> {
  const entry = await spool.read(id);
  if (entry === null) return null;
  const there = new Set(entry.envelope.recipients.flatMap(({ address, parents }) => [address, ...parents].map(folded)));
  return ({ address }) => {
    const path = pathOf(address);
    if (path === null) return false;
    if (path.domain !== "") return !there.has(folded(path.toString()));
    const isPostmaster = path.localPart.toLowerCase() === "postmaster";
    return !there.has(folded(isPostmaster ? facts.postmaster.toString() : `${path}@${facts.origin}`));
  };
}

const folded = (address: string): string => address.toLowerCase();
