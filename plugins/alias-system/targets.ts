/**
 * Targets as recipients. Commands and files become addresses of their own (own-target.ts), if they are allowed. Whatever cannot be used is a
 * mistake: the caller puts the mail off, so that nobody is left out in silence.
 */
import { type AliasTarget, parseAddress } from "postern/mail";
import type { Address } from "postern/plugin";
import { commandLine } from "./command-line.ts";
import type { Targets } from "./list-file.ts";
import { aliasNamed } from "./look-up.ts";
import { type OwnTarget, ownAddress } from "./own-target.ts";
import type { Allowed, Site } from "./site.ts";

export interface Resolved {
  readonly addresses: readonly Address[];
  readonly mistakes: readonly string[];
}

/** Where mail is thrown away; nobody needs a permission for that. */
export const NOWHERE = "/dev/null";

export type Owner =
  | { readonly of: "alias"; readonly name: string }
  | { readonly of: "forward"; readonly account: Address };

export async function resolved(
  { targets, mistakes }: Targets,
  about: { readonly address: Address; readonly owner: Owner; readonly allowed: Allowed; readonly site: Site },
): Promise<Resolved> {
  const addresses: Address[] = [];
  const wrong = [...mistakes];
  let number = 0;
  for (const target of targets) {
    if (target.kind === "include") continue;
    if (target.kind !== "address") number += 1;
    const fault = target.kind === "address" ? null : faultOf(target, about.allowed);
    const address =
      target.kind === "address"
        ? await addressOf(target.text, about.address, about.site)
        : ownAddress({ ...about.owner, number } satisfies OwnTarget);
    if (fault !== null) wrong.push(fault);
    else if (address) addresses.push(address);
    else wrong.push(`${JSON.stringify(shown(target))} is no address`);
  }
  return { addresses, mistakes: wrong };
}

type Local = Extract<AliasTarget, { kind: "command" | "file" }>;

export function faultOf(target: AliasTarget, allowed: Allowed): string | null {
  switch (target.kind) {
    case "address":
    case "include":
      return null;
    case "command": {
      if (!allowed.commands) return `|${target.command} is not allowed (allow: [commands])`;
      const line = commandLine(target.command);
      return line.at === "fault" ? `|${target.command}: ${line.reason}` : null;
    }
    case "file":
      if (target.path === NOWHERE || allowed.files) return null;
      return `${target.path} is not allowed (allow: [files])`;
  }
}

/** The commands and files of a list, in the order in which they are numbered. */
export const localTargets = ({ targets }: Targets): readonly Local[] =>
  targets.filter((target): target is Local => target.kind === "command" || target.kind === "file");

/** A bare name is an alias beside this one, or somebody of `origin`. */
export async function addressOf(text: string, from: Address, site: Site): Promise<Address | null> {
  const whole = parseAddress(text);
  if (whole) return whole;
  const bare = parseAddress(`${text}@${site.facts.origin}`);
  if (!bare || from.domain.endsWith(".invalid")) return bare;
  return (await aliasNamed(bare.localPart, site)) ? parseAddress(`${text}@${from.domain}`) : bare;
}

const shown = (target: AliasTarget): string =>
  target.kind === "address" ? target.text : target.kind === "command" ? `|${target.command}` : target.path;
