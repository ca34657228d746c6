/**
 * Commands and files as recipients: `2.support@alias.invalid` is the second command or file of the alias `support`, and
 * `1.ann@example.org.forward.invalid` the first one of ann's `.forward`. What they are is looked up when mail is delivered; nobody can reach one
 * by writing to it. RFC 2606 2: nothing else ends in `.invalid`.
 */
import { parseAddress } from "postern/mail";
import type { Address } from "postern/plugin";

const ALIAS_DOMAIN = "alias.invalid";
const FORWARD_DOMAIN = ".forward.invalid";

export type OwnTarget =
  /** `number` counts commands and files from 1. */
  | { readonly of: "alias"; readonly name: string; readonly number: number }
  | { readonly of: "forward"; readonly account: Address; readonly number: number };

/** `null`: the name is too long for it. */
export function ownAddress(target: OwnTarget): Address | null {
  const name = target.of === "alias" ? target.name : target.account.localPart;
  const localPart = `"${`${target.number}.${name}`.replace(/["\\]/g, "\\$&")}"`;
  const domain = target.of === "alias" ? ALIAS_DOMAIN : `${target.account.domain}${FORWARD_DOMAIN}`;
  return parseAddress(`${localPart}@${domain}`);
}

/** `null`: an address like any other. */
export function ownTarget({ localPart, domain }: Address): OwnTarget | null {
  const isForward = domain.endsWith(FORWARD_DOMAIN);
  if (domain !== ALIAS_DOMAIN && !isForward) return null;
  const dot = localPart.indexOf(".");
  const number = Number(localPart.slice(0, Math.max(0, dot)));
  const name = localPart.slice(dot + 1);
  if (!isForward) return { of: "alias", name, number };
  const quoted = `"${name.replace(/["\\]/g, "\\$&")}"`;
  const account = parseAddress(`${quoted}@${domain.slice(0, -FORWARD_DOMAIN.length)}`);
  return account && { of: "forward", account, number };
}
