/**
 * Finds the first rule that fits an address without asking all of them: plain networks are kept by the length of their prefix, so
 * that a question costs one look a length in use (33 and 129 at most), and 100,000 rows cost no more than ten. The few rules that
 * are negated or guard a block are asked in turn, as far as they stand before what was found.
 */
import { ROWS_A_SLICE, type Slices } from "../slices.ts";
import type { CidrNetwork, CidrRule } from "./cidr-rules.ts";
import { type ClientAddress, networkKey } from "./client-address.ts";

interface Plain {
  readonly at: number;
  readonly result: string;
}

interface Special {
  readonly at: number;
  readonly rule: CidrRule;
  /** What a block guards. */
  readonly inner: NetworkIndex | null;
}

export class NetworkIndex {
  /** First rule of each network, by family and length of prefix. */
  readonly #plain = { 4: new Map<number, Map<string, Plain>>(), 6: new Map<number, Map<string, Plain>>() };
  readonly #special: Special[] = [];

  static *of(rules: readonly CidrRule[]): Slices<NetworkIndex> {
    const index = new NetworkIndex();
    for (const [at, rule] of rules.entries()) {
      if (at % ROWS_A_SLICE === 0) yield;
      if (rule.rules !== null) index.#special.push({ at, rule, inner: yield* NetworkIndex.of(rule.rules) });
      else if (rule.isNegated) index.#special.push({ at, rule, inner: null });
      else index.#add(rule.network, { at, result: rule.result });
    }
    return index;
  }

  find(client: ClientAddress): string | null {
    const plain = this.#findPlain(client);
    for (const { at, rule, inner } of this.#special) {
      if (plain && plain.at < at) break;
      const { network, isNegated } = rule;
      // An address of the other family is neither in a network nor outside of it.
      if (network.family !== client.family || isIn(network, client) === isNegated) continue;
      if (rule.result !== null) return rule.result;
      const found = inner?.find(client) ?? null;
      if (found !== null) return found;
    }
    return plain?.result ?? null;
  }

  #add({ family, bits, key }: CidrNetwork, plain: Plain): void {
    const ofLength = this.#plain[family].get(bits) ?? new Map<string, Plain>();
    this.#plain[family].set(bits, ofLength);
    if (!ofLength.has(key)) ofLength.set(key, plain);
  }

  #findPlain(client: ClientAddress): Plain | null {
    let first: Plain | null = null;
    for (const [bits, networks] of this.#plain[client.family]) {
      const plain = networks.get(networkKey(client, bits));
      if (plain && (!first || plain.at < first.at)) first = plain;
    }
    return first;
  }
}

const isIn = ({ bits, key }: CidrNetwork, client: ClientAddress): boolean => networkKey(client, bits) === key;
