/**
 * `postern account` for this directory: each change reads the file afresh under a lock, edits its text and puts the new file
 * in the old one's place. A broken file is never edited: the change rejects and names the line.
 */
import { hash } from "@node-rs/argon2";
import { type Address, parseDomain } from "postern/mail";
import type { AccountAdmin, AccountChange, ListedAccount } from "postern/plugin";
import { AccountIndex, type IndexOptions } from "./account-index.ts";
import type { AccountsFile } from "./accounts-file.ts";
import { type AccountsContent, addressKey, loginKey, type StoredAccount } from "./content.ts";
import { withEditLock } from "./edit-lock.ts";
import type { AccountsFormat } from "./format.ts";
import { replaceFile } from "./replace-file.ts";

type Edit = (text: string, content: AccountsContent) => string | AccountChange;

export class AccountEditor implements AccountAdmin {
  readonly place: string;
  readonly #file: AccountsFile;
  readonly #format: AccountsFormat;
  readonly #options: IndexOptions;
  readonly #dataDir: string;

  /** `dataDir`: of the server, owned by the user that it runs as. */
  constructor(file: AccountsFile, format: AccountsFormat, options: IndexOptions, dataDir: string) {
    this.place = file.path;
    this.#dataDir = dataDir;
    this.#file = file;
    this.#format = format;
    this.#options = options;
  }

  serves(domain: string): boolean {
    const name = parseDomain(domain);
    return name !== null && (this.#options.domains.includes(name) || this.#file.current()?.domains.has(name) === true);
  }

  async list(): Promise<readonly ListedAccount[]> {
    const { content } = await this.#read();
    return new AccountIndex(content, this.#options).all.map(({ account: { login, addresses, home }, secrets }) => ({
      login,
      addresses,
      home,
      hasPassword: secrets.length > 0,
    }));
  }

  async add(address: Address, password: string): Promise<AccountChange> {
    const secret = await newSecret(password);
    return this.#edit((text, content) => {
      const index = new AccountIndex(content, this.#options);
      if (!index.domains.has(address.domain)) {
        return refused("foreign", `${address.domain} is not among the domains of ${this.place}`);
      }
      const key = addressKey(address);
      const holder = content.accounts.find((account) => holds(account, key));
      if (holder) return refused("exists", `${address} exists already (line ${holder.line} of ${this.place})`);
      return this.#format.add(text, { address, secret });
    });
  }

  async setPassword(login: string, password: string): Promise<AccountChange> {
    const secret = await newSecret(password);
    return this.#edit((text, content) => {
      const at = find(content, login);
      return at < 0 ? this.#unknown(login) : this.#format.setSecret(text, at, secret);
    });
  }

  /** Does nothing, and says so, if the account has another secret meanwhile. */
  replaceSecret(login: string, old: string, fresh: string): Promise<AccountChange> {
    return this.#edit((text, content) => {
      const at = find(content, login);
      return (at < 0 ? null : this.#format.replaceSecret(text, at, old, fresh)) ?? this.#unknown(login);
    });
  }

  remove(login: string): Promise<AccountChange> {
    return this.#edit((text, content) => {
      const at = find(content, login);
      return at < 0 ? this.#unknown(login) : this.#format.remove(text, at);
    });
  }

  #edit(edit: Edit): Promise<AccountChange> {
    return withEditLock(this.place, async () => {
      const { text, content } = await this.#read();
      const edited = edit(text, content);
      if (typeof edited !== "string") return edited;
      // What we are about to write must be what we would read.
      this.#format.parse(edited, this.place, this.#options.domains);
      try {
        await replaceFile(this.place, edited, this.#dataDir);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") throw error;
        return refused("readOnly", `${this.place} cannot be written by this user`);
      }
      await this.#file.refresh();
      return { at: "done" };
    });
  }

  /** A file that is not there yet has no accounts. */
  async #read(): Promise<{ readonly text: string; readonly content: AccountsContent }> {
    try {
      return await this.#file.read();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return { text: "", content: { domains: [], accounts: [], warnings: [] } };
    }
  }

  #unknown(login: string): AccountChange {
    return refused("unknown", `${login} is not in ${this.place}`);
  }
}

const refused = (cause: Extract<AccountChange, { at: "refused" }>["cause"], text: string): AccountChange => ({
  at: "refused",
  cause,
  text,
});

function find(content: AccountsContent, login: string): number {
  const key = loginKey(login);
  const exact = content.accounts.findIndex((account) => loginKey(account.login) === key);
  return exact >= 0 ? exact : content.accounts.findIndex((account) => holds(account, key));
}

const holds = (account: StoredAccount, key: string): boolean =>
  loginKey(account.login) === key || account.addresses.some((address) => addressKey(address) === key);

/** Argon2id with the parameters that OWASP recommends as a minimum: 19 MiB, 2 passes. */
const newSecret = async (password: string): Promise<string> =>
  `{ARGON2ID}${await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })}`;
