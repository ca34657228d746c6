/**
 * Delivery to the commands and files of aliases and `.forward`. What they are is looked up now: a command that has been mended is the one that
 * runs. One that is gone, or not allowed any more, puts the mail off.
 */
import { wasDeliveredTo } from "postern/mail";
import type { Address, Call, Delivery, LocalCommand, Outcome, Recipient } from "postern/plugin";
import { commandLine } from "./command-line.ts";
import { forwardOf, whoRuns } from "./forward.ts";
import { aliasNamed, listOf } from "./look-up.ts";
import { UnsafeFile, writeToFile } from "./mailbox-file.ts";
import { ownTarget } from "./own-target.ts";
import type { Site } from "./site.ts";
import { faultOf, localTargets, NOWHERE } from "./targets.ts";

export const TRANSPORT = "alias-target";

export async function deliverAll(delivery: Delivery, site: Site, call: Call): Promise<void> {
  for (const recipient of delivery.recipients) {
    if (call.signal.aborted) return;
    await delivery.settle(recipient, await deliverOne(delivery, recipient, site, call));
  }
}

async function deliverOne(delivery: Delivery, recipient: Recipient, site: Site, call: Call): Promise<Outcome> {
  try {
    const found = await find(recipient, site);
    if ("reason" in found) {
      site.log.error({ id: delivery.envelope.id, recipient: String(recipient.address) }, found.reason);
      return putOff;
    }
    if (wasDeliveredTo(delivery.message, found.for))
      return outcome("failed", 554, "5.4.6", `Mail for ${found.for} is going round in a loop`);
    if (found.command) {
      if (!site.commands) {
        site.log.error({ command: found.command.argv[0] }, "a command of an alias has no plugin that runs it");
        return putOff;
      }
      return await site.commands.run(delivery, recipient, found.command, call.signal);
    }
    if (found.path === NOWHERE) return outcome("delivered", 250, "2.0.0", "discarded");
    const room = { hostname: site.facts.hostname, nowMs: site.clock.now(), signal: call.signal };
    await writeToFile(found.path, delivery, recipient, room);
    return outcome("delivered", 250, "2.0.0", "delivered to a file");
  } catch (cause) {
    const text = cause instanceof UnsafeFile ? cause.message : "the target of an alias cannot be used now";
    site.log.error({ id: delivery.envelope.id, recipient: String(recipient.address), err: cause }, text);
    return putOff;
  }
}

type Found =
  | { readonly for: Address; readonly command: LocalCommand }
  | { readonly for: Address; readonly command: null; readonly path: string }
  | { readonly reason: string };

async function find({ address, parents }: Recipient, site: Site): Promise<Found> {
  const target = ownTarget(address);
  if (!target) return { reason: "this is no target of an alias" };
  const whose = parents.at(-1) ?? address;
  if (target.of === "alias") {
    const alias = await aliasNamed(target.name, site);
    const list = alias && (await listOf(alias, site));
    const local = list && localTargets(list)[target.number - 1];
    if (!local) return { reason: "the alias leads there no more" };
    const fault = faultOf(local, site.allowed);
    if (fault !== null) return { reason: fault };
    return local.kind === "file" ? { for: whose, command: null, path: local.path } : commandOf(local.command, whose);
  }
  if (!site.forward) return { reason: "no .forward is read any more" };
  const answer = await site.accounts.byAddress(target.account);
  if (answer.at !== "found") return { reason: "the account of a .forward cannot be found now" };
  const forward = await forwardOf(target.account, answer.account, site.forward);
  const local = forward.at === "found" ? localTargets(forward.list)[target.number - 1] : undefined;
  if (forward.at !== "found" || !local) return { reason: "the .forward leads there no more" };
  const fault = faultOf(local, site.forward.allowed);
  if (fault !== null) return { reason: fault };
  const runsAs = whoRuns(forward, process.getuid?.());
  if (runsAs === "nobody")
    return { reason: "a .forward of another user than this server's cannot run programs or write files" };
  if (local.kind === "file") {
    return runsAs === "server"
      ? { for: target.account, command: null, path: local.path }
      : { reason: "files of a .forward are written only by a server that runs as the user whose it is" };
  }
  const owner = runsAs === "server" ? {} : { owner: runsAs };
  return commandOf(local.command, target.account, { ...owner, directory: answer.account.home });
}

function commandOf(text: string, whose: Address, more: Pick<LocalCommand, "owner" | "directory"> = {}): Found {
  const line = commandLine(text);
  return line.at === "fault" ? line : { for: whose, command: { argv: line.argv, for: whose, ...more } };
}

const outcome = (at: Outcome["at"], code: number, status: string, text: string): Outcome => ({
  at,
  reply: { code, status, text, host: null },
});
const putOff = outcome("deferred", 451, "4.3.5", "The target of an alias cannot be used now");
