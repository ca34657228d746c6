/** The accounts of a file, ready to be asked. Immutable: a changed file makes a new one. Never throws. */
import type { Address } from "postern/mail";
import type { Account, LoginMethod } from "postern/plugin";
import { type AccountsContent, addressKey, loginKey } from "./content.ts";
import { methodsOf } from "./secret-strength.ts";

export interface IndexOptions {
  /** Of the plugin's options. */
  readonly domains: readonly string[];
  homeOf(written: string | null, address: Address): string;
}

export interface IndexedAccount {
  readonly account: Account;
  readonly secrets: readonly string[];
}

export class AccountIndex {
  readonly all: readonly IndexedAccount[];
  readonly domains: ReadonlySet<string>;
  /** What the secrets are good for beside passwords. */
  readonly methods: readonly LoginMethod[];
  readonly #byLogin = new Map<string, IndexedAccount>();
  readonly #byAddress = new Map<string, IndexedAccount>();

  constructor(content: AccountsContent, options: IndexOptions) {
    const domains = new Set([...options.domains, ...content.domains]);
    this.all = content.accounts.map(({ login, addresses, secrets, home, quotaBytes, quotaMessages }) => {
      const account: Account = Object.freeze({
        login,
        addresses,
        home: options.homeOf(home, addresses[0]),
        quotaBytes,
        quotaMessages,
      });
      const indexed = { account, secrets };
      this.#byLogin.set(loginKey(login), indexed);
      for (const address of addresses) {
        domains.add(address.domain);
        this.#byAddress.set(addressKey(address), indexed);
      }
      return indexed;
    });
    this.domains = domains;
    this.methods = methodsOf(content.accounts);
  }

  /** Core asks again without the extension (`user+lists`) where the whole address is nobody's. */
  byAddress(address: Address): IndexedAccount | null {
    return this.#byAddress.get(addressKey(address)) ?? null;
  }

  /** The login as stored, any of the account's addresses, or a bare local part where only one domain is served. */
  byLogin(login: string): IndexedAccount | null {
    const key = loginKey(login);
    const known = this.#byLogin.get(key) ?? this.#byAddress.get(key);
    if (known || login.includes("@")) return known ?? null;
    const [domain] = this.domains;
    return this.domains.size === 1 ? (this.#byAddress.get(`${key}@${domain}`) ?? null) : null;
  }
}
