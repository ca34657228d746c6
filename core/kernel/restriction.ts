/**
 * What restrictions have in common: how gravely a fault of the client is taken, who is exempt, and refusal texts that the
 * administrator writes. `networksOf` and `exemptionOf` throw for a network that is none, so that a slip keeps the server from starting.
 */
import { type Static, Type } from "typebox";
import type { Session } from "../contracts/session.ts";
import type { Table, Tables } from "../contracts/tables.ts";
import type { Defer, Refusal, Reject } from "../contracts/verdicts.ts";
import { isWithin, type Network, parseNetwork } from "../mail/network.ts";
import { defer, reject } from "./verdicts.ts";

/** `off`: not looked at; `defer`: 4xx, for what may be a passing fault; `reject`: 5xx. */
export type Gravity = "off" | "defer" | "reject";

/** An option whose value is a `Gravity`. */
export const Gravity = (fallback: Gravity, description: string) =>
  Type.Union([Type.Literal("off"), Type.Literal("defer"), Type.Literal("reject")], { default: fallback, description });

/** An option for those whom a restriction leaves alone (permit_mynetworks, permit_sasl_authenticated). */
export const Exempt = () =>
  Type.Object(
    {
      networks: Type.Array(Type.String(), {
        default: [],
        description: "Clients in these networks: `192.0.2.0/24`, `2001:db8::/32`, `::1`.",
      }),
      authenticated: Type.Boolean({ default: true, description: "Clients that have logged in." }),
    },
    { description: "Who is left alone." },
  );

export interface Exemption {
  /** Whether this client is left alone for good. Who hands over by LMTP or a unix socket belongs to the house. */
  (session: Session | null): boolean;
  /** Whether a login would make it so: for refusals given before one can know. */
  readonly unlessAuthenticated: boolean;
}

/** Networks as an option lists them. Throws for what is none: a guess would decide who is let in. */
export function networksOf(written: readonly string[]): readonly Network[] {
  return written.map((text) => {
    const network = parseNetwork(text);
    if (typeof network === "string") throw new Error(network);
    return network;
  });
}

export function exemptionOf(options: Static<ReturnType<typeof Exempt>>): Exemption {
  const networks = networksOf(options.networks);
  const isExempt = (session: Session | null): boolean => {
    if (session === null || session.protocol === "lmtp" || session.remote.address === "unix") return true;
    if (options.authenticated && session.identity !== null) return true;
    return networks.length > 0 && isWithin(session.remote.address, networks) !== null;
  };
  return Object.assign(isExempt, { unlessAuthenticated: options.authenticated });
}

/** Whether tables list this client: by its address, a network of it, its verified name or a domain of that. Rejects as the tables do. */
export async function isListedClient({ remote }: Session, listed: readonly Table[], tables: Tables): Promise<boolean> {
  if (listed.length === 0) return false;
  if ((await tables.findNetwork(listed, remote.address)) !== null) return true;
  return remote.hostname !== null && (await tables.findDomain(listed, remote.hostname)) !== null;
}

/** The refusal of a fault that is not `off`. A 5xx `code` is that of the rejection: what is put off gets the hook's own. */
export function refuse(
  gravity: "defer" | "reject",
  text: string,
  { code, ...how }: Omit<Refusal, "text"> = {},
): Reject | Defer {
  if (gravity === "reject") return reject(text, code === undefined ? how : { ...how, code });
  return defer(text, code === undefined || code >= 500 ? how : { ...how, code });
}

const VALUE_LIMIT = 160;
const TEXT_LIMIT = 480;

/**
 * Puts values in the place of `{name}`. What a client says is cut to a decent length and loses its control characters, so that
 * it can neither end a reply nor fill one; a placeholder without a value stays as it is.
 */
export function fillText(template: string, values: Readonly<Record<string, string | null>>): string {
  if (!template.includes("{")) return template;
  const filled = template.replace(/\{([A-Za-z]+)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined || value === null ? whole : printable(value).slice(0, VALUE_LIMIT);
  });
  return filled.slice(0, TEXT_LIMIT);
}

const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");
