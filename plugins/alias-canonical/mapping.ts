/** From an address to its canonical form: table after table, each until it has nothing more to say. Throws `BadEntry`. */
import { parseAddress } from "postern/mail";
import type { Address, Table, TableHit, Tables } from "postern/plugin";

/** `null`: it has its canonical form already. */
export type Mapping = (address: Address) => Promise<Address | null>;

export interface MappingRules {
  readonly tables: Pick<Tables, "findAddress">;
  readonly origin: string;
  readonly propagates: boolean;
}

/** What stands in a table and is no address; for the log, not for the client. */
export class BadEntry extends Error {
  readonly key: string;
  readonly value: string;
  constructor({ key, value }: TableHit) {
    super(`the canonical entry of ${JSON.stringify(key)} is no address`);
    this.key = key;
    this.value = value;
  }
}

/** Two names may lead to each other. */
const STEPS_LIMIT = 10;

export function createMapping(stages: readonly (readonly Table[])[], rules: MappingRules): Mapping {
  return async (address) => {
    let current = address;
    for (const tables of stages) {
      for (let step = 0; step < STEPS_LIMIT; step += 1) {
        const found = rules.tables.findAddress(tables, current, "virtual");
        const hit = found instanceof Promise ? await found : found;
        if (!hit) break;
        const next = targetOf(current, hit, rules);
        if (next.toString() === current.toString()) break;
        current = next;
      }
    }
    return current.toString() === address.toString() ? null : current;
  };
}

function targetOf(asked: Address, hit: TableHit, { origin, propagates }: MappingRules): Address {
  const value = hit.value.trim();
  // canonical(5): "@domain @otherdomain" keeps the local part
  if (value.startsWith("@")) {
    const moved = hit.key.startsWith("@") ? parseAddress(`${localPartOf(asked)}${value}`) : null;
    if (!moved) throw new BadEntry(hit);
    return moved;
  }
  const target = parseAddress(value.includes("@") ? value : `${value}@${origin}`);
  if (!target) throw new BadEntry(hit);
  if (!propagates || hit.extension === "") return target;
  return parseAddress(withExtension(target, hit.extension)) ?? target;
}

const localPartOf = (address: Address): string => String(address).slice(0, -(address.domain.length + 1));

const withExtension = ({ localPart, domain }: Address, extension: string): string =>
  `"${`${localPart}${extension}`.replace(/["\\]/g, "\\$&")}"@${domain}`;
