/**
 * Finds the first rule that fits an address without asking all of them: plain networks are kept by the length of their prefix, so
 * that a question costs one look a length in use (33 and 129 at most), and 100,000 rows cost no more than ten. The few rules that
 * are negated or guard a block are asked in turn, as far as they stand before what was found.
 */
import { type CidrNetwork, type CidrRule, masked } from "./cidr-rules.ts";

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
  readonly #plain = { 4: new Map<number, Map<bigint, Plain>>(), 6: new Map<number, Map<bigint, Plain>>() };
  readonly #special: Special[] = [];

  constructor(rules: readonly CidrRule[]) {
    for (const [at, rule] of rules.entries()) {
      if (rule.rules !== null) this.#special.push({ at, rule, inner: new NetworkIndex(rule.rules) });
      else if (rule.isNegated) this.#special.push({ at, rule, inner: null });
      else this.#add(rule.network, { at, result: rule.result });
    }
  }

  find(family: 4 | 6, value: bigint): string | null {
    const plain = this.#findPlain(family, value);
    for (const { at, rule, inner } of this.#special) {
      if (plain && plain.at < at) break;
      const { network, isNegated } = rule;
      // An address of the other family is neither in a network nor outside of it.
      if (network.family !== family || isIn(network, value) === isNegated) continue;
      if (rule.result !== null) return rule.result;
      const found = inner?.find(family, value) ?? null;
      if (found !== null) return found;
    }
    return plain?.result ?? null;
  }

  #add({ family, bits, base }: CidrNetwork, plain: Plain): void {
    const ofLength = this.#plain[family].get(bits) ?? new Map<bigint, Plain>();
    this.#plain[family].set(bits, ofLength);
    if (!ofLength.has(base)) ofLength.set(base, plain);
  }

  #findPlain(family: 4 | 6, value: bigint): Plain | null {
    let first: Plain | null = null;
    for (const [bits, networks] of this.#plain[family]) {
      const plain = networks.get(masked(value, family, bits));
      if (plain && (!first || plain.at < first.at)) first = plain;
    }
    return first;
  }
}

const isIn = ({ family, bits, base }: CidrNetwork, value: bigint): boolean => masked(value, family, bits) === base;
