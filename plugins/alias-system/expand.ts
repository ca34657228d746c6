/** The hook `expand`: aliases first, then `.forward`. A list that has a mistake puts the mail off and names it in the log. */
import { isSameAddress } from "postern/mail";
import { type Address, defer, type Envelope, type Expanded, expanded, type Recipient, type Stop } from "postern/plugin";
import { forwardOf } from "./forward.ts";
import { aliasNamed, aliasOf, listOf } from "./look-up.ts";
import type { Site } from "./site.ts";
import { addressOf, type Resolved, resolved } from "./targets.ts";

/** `null`: this address stands for itself. */
export async function expansionOf(
  recipient: Recipient,
  envelope: Envelope,
  site: Site,
): Promise<Expanded | Stop | null> {
  const { address } = recipient;
  const alias = await aliasOf(address, site);
  const forward = alias ? null : await forwarded(address, site);
  // Last, as it reads the whole list again: of a long one, few members lead any further.
  if ((!alias && !forward) || (await isFinal(recipient, site))) return null;
  if (!alias) return forward && answer(address, forward, site, undefined);
  const owner = { of: "alias", name: alias.name } as const;
  const list = await resolved(await listOf(alias, site), { address, owner, allowed: site.allowed, site });
  return answer(
    address,
    await throughSelf(address, list, site),
    site,
    await listOwner(alias.name, recipient, envelope, site),
  );
}

function answer(
  address: Address,
  { addresses, mistakes }: Resolved,
  { log }: Site,
  reversePath: Address | undefined,
): Expanded | Stop {
  if (mistakes.length > 0)
    log.error({ address: String(address), mistakes }, "an alias has targets that cannot be used");
  if (mistakes.length > 0 || addresses.length === 0)
    return defer("This alias leads nowhere at present", { detail: "3.5" });
  const to = addresses.map((target) => ({ address: target }));
  return expanded(to, reversePath === undefined ? {} : { reversePath });
}

/** `ann: ann, bob` is no loop: ann's own copy goes where her `.forward` says. */
async function throughSelf(address: Address, { addresses, mistakes }: Resolved, site: Site): Promise<Resolved> {
  if (!addresses.some((target) => isSameAddress(target, address))) return { addresses, mistakes };
  const forward = await forwarded(address, site);
  if (!forward) return { addresses, mistakes };
  const others = addresses.filter((target) => !isSameAddress(target, address));
  return { addresses: [...others, ...forward.addresses], mistakes: [...mistakes, ...forward.mistakes] };
}

async function forwarded(address: Address, site: Site): Promise<Resolved | null> {
  if (!site.forward) return null;
  const answer = await site.accounts.byAddress(address);
  if (answer.at === "unavailable") throw new Error("the directory cannot be asked now");
  if (answer.at === "unknown") return null;
  const forward = await forwardOf(address, answer.account, site.forward);
  if (forward.at === "none") return null;
  const { targets, mistakes } = forward.list;
  // An empty .forward, or one of comments, is none (aliases(5), forward(5)).
  if (targets.length === 0 && mistakes.length === 0) return null;
  const includes = targets.flatMap((target) =>
    target.kind === "include" ? [`:include:${target.path} has no place in ${site.forward?.file}`] : [],
  );
  const owner = { of: "forward", account: address } as const;
  const list = { targets, mistakes: [...mistakes, ...includes] };
  return resolved(list, { address, owner, allowed: site.forward.allowed, site });
}

/** `\user`: not expanded any further. */
async function isFinal({ address, parents }: Recipient, site: Site): Promise<boolean> {
  const from = parents.at(-1);
  if (!from) return false;
  const alias = await aliasOf(from, site);
  if (!alias) return false;
  for (const target of (await listOf(alias, site)).targets) {
    if (target.kind !== "address" || !target.isFinal) continue;
    const final = await addressOf(target.text, from, site);
    if (final && isSameAddress(final, address)) return true;
  }
  return false;
}

/** aliases(5): where `owner-list` exists, it hears of what becomes of mail to `list`. A bounce stays a bounce. */
async function listOwner(
  name: string,
  { address, reversePath }: Recipient,
  envelope: Envelope,
  site: Site,
): Promise<Address | undefined> {
  const sender = reversePath === undefined ? envelope.reversePath : reversePath;
  if (sender === null || name.startsWith("owner-")) return undefined;
  const owner = await aliasNamed(`owner-${name}`, site);
  return owner ? ((await addressOf(`${owner.name}@${address.domain}`, address, site)) ?? undefined) : undefined;
}
