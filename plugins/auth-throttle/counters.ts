/** The counters in `KeyValue`: of addresses, networks and logins, and from where a login has succeeded. Rejects as `KeyValue` does. */
import { clientNetwork } from "postern/mail";
import type { Clock, KeyValue, KeyValueSpace } from "postern/plugin";
import { addFailure, countOf, type Failures, type Rules } from "./failures.ts";

export interface CounterRules {
  readonly address: Rules;
  readonly network: Rules;
  readonly login: Rules;
  readonly knownForMs: number;
}

export interface Standing {
  /** What is banned, if anything. */
  readonly banned: string | null;
  readonly addressFailures: number;
  /** 0 where the login has succeeded from this network before. */
  readonly loginFailures: number;
}

export interface Ban {
  readonly of: string;
  readonly untilMs: number;
}

/** Networks from which a login has succeeded, with the time until which that counts. */
type Places = Readonly<Record<string, number>>;
const PLACES_LIMIT = 16;

export class Counters {
  readonly #failures: KeyValueSpace<Failures>;
  readonly #places: KeyValueSpace<Places>;
  readonly #clock: Clock;
  readonly #rules: CounterRules;

  constructor(keyValue: KeyValue, clock: Clock, rules: CounterRules) {
    this.#failures = keyValue.space<Failures>("auth-throttle");
    this.#places = keyValue.space<Places>("auth-throttle.places");
    this.#clock = clock;
    this.#rules = rules;
  }

  async standing(remote: string, login: string | null): Promise<Standing> {
    const now = this.#clock.now();
    const [address, network] = placesOf(remote);
    const [ofAddress, ofNetwork, ofLogin, isKnown] = await Promise.all([
      this.#failures.get(`address ${address}`),
      network === null ? null : this.#failures.get(`network ${network}`),
      login === null ? null : this.#failures.get(loginKey(login)),
      login === null ? false : this.#isKnown(login, remote),
    ]);
    const isBanned = (failures: Failures | null) => failures !== null && failures.bannedUntilMs > now;
    return {
      banned: isBanned(ofAddress) ? address : isBanned(ofNetwork) ? network : null,
      addressFailures: countOf(ofAddress, now, this.#rules.address.periodMs),
      loginFailures: isKnown ? 0 : countOf(ofLogin, now, this.#rules.login.periodMs),
    };
  }

  /** Answers what is banned from now on. */
  async failed(remote: string, login: string | null, sameness: string | null): Promise<readonly Ban[]> {
    const [address, network] = placesOf(remote);
    const ofAddress = await this.#add(`address ${address}`, sameness, this.#rules.address);
    const bans = ofAddress.untilMs > 0 ? [{ of: address, untilMs: ofAddress.untilMs }] : [];
    if (!ofAddress.isNew) return bans;
    const ofNetwork = network === null ? null : await this.#add(`network ${network}`, null, this.#rules.network);
    if (network !== null && ofNetwork && ofNetwork.untilMs > 0) bans.push({ of: network, untilMs: ofNetwork.untilMs });
    if (login !== null) await this.#add(loginKey(login), null, this.#rules.login);
    return bans;
  }

  /** Forgets what was counted against the login, and remembers from where it came; not what was counted against the address. */
  async succeeded(remote: string, login: string): Promise<void> {
    if ((await this.#failures.get(loginKey(login))) !== null) await this.#failures.delete(loginKey(login));
    const now = this.#clock.now();
    const until = now + this.#rules.knownForMs;
    const place = networkOf(remote);
    const places = await this.#places.get(loginKey(login));
    // Written anew at half-time only, not at each login.
    if ((places?.[place] ?? 0) > now + this.#rules.knownForMs / 2) return;
    await this.#places.update(loginKey(login), (held) => {
      const others = Object.entries(held ?? {}).filter(([other, end]) => other !== place && end > now);
      const latest = others.sort(([, one], [, other]) => other - one).slice(0, PLACES_LIMIT - 1);
      return { value: { ...Object.fromEntries(latest), [place]: until }, expiresAtMs: until };
    });
  }

  async #isKnown(login: string, remote: string): Promise<boolean> {
    const places = await this.#places.get(loginKey(login));
    return (places?.[networkOf(remote)] ?? 0) > this.#clock.now();
  }

  /** `untilMs`: 0 unless this failure made a ban. */
  async #add(key: string, mistake: string | null, rules: Rules): Promise<{ isNew: boolean; untilMs: number }> {
    const now = this.#clock.now();
    let last = { isNew: true, untilMs: 0 };
    await this.#failures.update(key, (held) => {
      const { failures, isNew, isNewBan, expiresAtMs } = addFailure(held, mistake, now, rules);
      last = { isNew, untilMs: isNewBan ? failures.bannedUntilMs : 0 };
      return { value: failures, expiresAtMs };
    });
    return last;
  }
}

const networkOf = (remote: string): string => clientNetwork(remote, { ipv4: 24, ipv6: 64 });

/** One who has an IPv6 address has its /64, so that counts as the address. */
export function placesOf(remote: string): readonly [address: string, network: string | null] {
  const address = clientNetwork(remote, { ipv4: 32, ipv6: 64 });
  const network = networkOf(remote);
  return [address, network === address ? null : network];
}

/** All that an attempt is counted under. */
export function keysOf(remote: string, login: string | null): readonly string[] {
  const [address, network] = placesOf(remote);
  return [
    `address ${address}`,
    ...(network === null ? [] : [`network ${network}`]),
    ...(login === null ? [] : [loginKey(login)]),
  ];
}

/** Directories compare logins without case. */
const loginKey = (login: string): string => `login ${login.normalize("NFC").toLowerCase()}`;
