/** Whether mail has somewhere to go: a route, somebody who delivers, and a postmaster who reads (RFC 5321 4.5.1). */
import type { ServerConfig } from "../../app/config/server-config.ts";
import type { Recipient } from "../../contracts/envelope.ts";
import { MailboxStore } from "../../contracts/mailbox-store.ts";
import { EnvelopeState } from "../../kernel/envelope.ts";
import { isProvided } from "../../kernel/services.ts";
import { expandRecipient } from "../../queue/expansion.ts";
import type { OfflineKernel } from "../offline-kernel.ts";
import { errorAt, type Finding, warningAt } from "./finding.ts";

export function checkRoutes({ plugins }: ServerConfig, { kernel }: OfflineKernel): readonly Finding[] {
  const chains = kernel.chains();
  const isHeard = (hook: string) => chains.some((chain) => chain.hook === hook && chain.links.length > 0);
  const findings: Finding[] = [];
  if (!isHeard("route")) findings.push(errorAt(null, "no plugin answers route: accepted mail would wait for ever"));
  if (!isHeard("deliver")) findings.push(errorAt(null, "no plugin delivers: accepted mail would wait for ever"));
  if (!isHeard("findAccount")) {
    findings.push(warningAt(null, "no plugin knows accounts: nobody has a mailbox here, and nobody can log in"));
  } else if (!isProvided(plugins, MailboxStore)) {
    findings.push(warningAt(null, "no plugin keeps mailboxes: mail for accounts of this server would wait for ever"));
  }
  return findings;
}

export async function checkPostmaster(
  { postmaster, limits }: ServerConfig,
  offline: OfflineKernel,
): Promise<readonly Finding[]> {
  const { kernel } = offline;
  const envelope = new EnvelopeState({ id: "check", origin: "bounce", session: null, reversePath: null });
  const expansion = await expandRecipient(
    { kernel, expansionLimit: limits.expansion },
    envelope,
    envelope.makeRecipient({ address: postmaster }),
  );
  if (expansion.at === "refused") {
    return [errorAt("postmaster", `${postmaster} cannot be expanded: ${expansion.refusal.text}`)];
  }
  const dead = expansion.dead.map(({ refusal }) =>
    errorAt("postmaster", `${postmaster} leads to an address that is refused: ${refusal.text}`),
  );
  const ends = await Promise.all(expansion.leaves.map(({ recipient }) => endOf(recipient, envelope, offline)));
  const findings = ends.flat();
  if (expansion.leaves.length === 0) return [...dead, errorAt("postmaster", `${postmaster} leads nowhere`)];
  const own = String(postmaster);
  return [...dead, ...findings].map((finding) => ({ ...finding, text: finding.text.replace("{postmaster}", own) }));
}

async function endOf(
  recipient: Recipient,
  envelope: EnvelopeState,
  { kernel, accounts }: OfflineKernel,
): Promise<readonly Finding[]> {
  const { address, parents } = recipient;
  const name = parents.length === 0 ? String(address) : `{postmaster} leads to ${address}, which`;
  const found = await accounts.byAddress(address);
  if (found.at === "unavailable") return [warningAt("postmaster", `${name} cannot be looked up now: ${found.reason}`)];
  if (found.at === "unknown" && (await accounts.domain(address.domain)) === "served") {
    return [errorAt("postmaster", `${name} is no account and no alias: give it one (RFC 5321 4.5.1)`)];
  }
  const { verdict } = await kernel.claim("route", recipient, envelope);
  if (verdict === null) return [errorAt("postmaster", `${name} has no account here, and no plugin routes mail to it`)];
  if (verdict.verdict === "routed") return [];
  return [warningAt("postmaster", `${name} cannot be routed now: ${verdict.refusal.text}`)];
}
