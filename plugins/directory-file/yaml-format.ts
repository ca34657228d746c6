/**
 * The accounts file in YAML:
 *
 *   domains: [example.org]
 *   accounts:
 *     - address: anna@example.org         # or addresses: [...], the first one is the account's own
 *       password: "{ARGON2ID}$argon2id$..."
 *       login: anna                       # default: the address
 *       home: /srv/mail/anna              # default: the plugin's template
 *       quota: 1GiB                       # 0: no limit
 *       quotaMessages: 100000
 *
 * Throws `AccountsFileError` with the line. Edits keep comments and order.
 */
import { parseDomain } from "postern/mail";
import { parseSize } from "postern/plugin";
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import {
  type AccountsContent,
  AccountsFileError,
  accountAddress,
  checkUnique,
  type StoredAccount,
  shown,
} from "./content.ts";
import type { AccountsFormat } from "./format.ts";

const ACCOUNT_KEYS = ["address", "addresses", "login", "password", "home", "quota", "quotaMessages"];

export const yamlFormat: AccountsFormat = {
  parse: (text, file, domains) => new Reading(text, file).content(domains),

  add(text, { address, secret }) {
    const document = editable(text);
    if (!isSeq(document.get("accounts"))) document.set("accounts", document.createNode([]));
    const accounts = document.get("accounts");
    if (isSeq(accounts)) accounts.flow = false;
    document.addIn(["accounts"], document.createNode({ address: String(address), password: secret }));
    return write(document);
  },

  setSecret(text, index, secret) {
    const document = editable(text);
    document.setIn(["accounts", index, "password"], secret);
    return write(document);
  },

  replaceSecret(text, index, old, fresh) {
    const document = editable(text);
    const place = ["accounts", index, "password"];
    const stored = document.getIn(place);
    if (stored === old) document.setIn(place, fresh);
    else {
      const at = isSeq(stored) ? stored.items.findIndex((item) => isScalar(item) && item.value === old) : -1;
      if (at < 0) return null;
      document.setIn([...place, at], fresh);
    }
    return write(document);
  },

  remove(text, index) {
    const document = editable(text);
    document.deleteIn(["accounts", index]);
    return write(document);
  },
};

const editable = (text: string): Document => {
  const document = parseDocument(text);
  return document.contents === null ? parseDocument(`${text}accounts: []\n`) : document;
};

const write = (document: Document): string => document.toString({ lineWidth: 0, flowCollectionPadding: false });

class Reading {
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #document: Document;

  constructor(text: string, file: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const [error] = this.#document.errors;
    if (error) throw new AccountsFileError(file, this.#lines.linePos(error.pos[0]).line, error.message);
  }

  content(optionDomains: readonly string[]): AccountsContent {
    const root = this.#document.contents as Node | null;
    if (root === null || (isScalar(root) && root.value === null)) return { domains: [], accounts: [], warnings: [] };
    if (!isMap(root)) throw this.#mistake(root, "expected `domains:` and `accounts:`");
    this.#closed(root, ["domains", "accounts"]);
    const domains = this.#texts(root, "domains").map(({ text, node }) => {
      const domain = parseDomain(text);
      if (domain === null) throw this.#mistake(node, `"${shown(text)}" is no domain`);
      return domain;
    });
    const completing = [...new Set([...optionDomains, ...domains])];
    const list = nodeAt(root, "accounts");
    if (list === null) return { domains, accounts: [], warnings: [] };
    if (!isSeq(list)) throw this.#mistake(list, "`accounts` is a list: each one begins with a dash");
    const accounts = list.items.map((item) => this.#account(item as Node, completing));
    checkUnique(this.#file, accounts);
    return { domains, accounts, warnings: [] };
  }

  #account(node: Node, domains: readonly string[]): StoredAccount {
    if (!isMap(node)) throw this.#mistake(node, "an account has `address:` and `password:`");
    this.#closed(node, ACCOUNT_KEYS);
    const written = [...this.#texts(node, "address"), ...this.#texts(node, "addresses")];
    const [first, ...others] = written.map(({ text, node: at }) => {
      const address = accountAddress(text, domains);
      if (typeof address === "string") throw this.#mistake(at, address);
      return address;
    });
    if (!first) throw this.#mistake(node, "an account needs an `address`");
    return {
      login: this.#text(node, "login") ?? String(first),
      addresses: [first, ...others],
      secrets: this.#texts(node, "password")
        .map(({ text }) => text)
        .filter((text) => text !== ""),
      home: this.#text(node, "home"),
      quotaBytes: this.#quota(node),
      quotaMessages: this.#quotaMessages(node),
      line: this.#line(node),
    };
  }

  #quota(account: YAMLMap): number | null {
    const [quota] = this.#texts(account, "quota");
    if (!quota) return null;
    const bytes = parseSize(quota.text);
    if (bytes === null) throw this.#mistake(quota.node, `"${shown(quota.text)}" is no size: write 500MiB or 2GiB`);
    return bytes;
  }

  #quotaMessages(account: YAMLMap): number | null {
    const [quota] = this.#texts(account, "quotaMessages");
    if (!quota) return null;
    if (!/^\d{1,12}$/.test(quota.text))
      throw this.#mistake(quota.node, `"${shown(quota.text)}" is no number of messages`);
    return Number(quota.text);
  }

  #text(map: YAMLMap, key: string): string | null {
    const values = this.#texts(map, key);
    const [first, second] = values;
    if (second) throw this.#mistake(second.node, `\`${key}\` is one value`);
    if (first?.text === "") throw this.#mistake(first.node, `\`${key}\` is empty`);
    return first?.text ?? null;
  }

  /** One text or a list of texts; a missing or empty value is none. */
  #texts(map: YAMLMap, key: string): { text: string; node: Node }[] {
    const value = nodeAt(map, key);
    if (value === null) return [];
    const nodes = isSeq(value) ? (value.items as Node[]) : [value];
    return nodes.map((node) => {
      const scalar = isScalar(node) ? node.value : undefined;
      if (typeof scalar !== "string" && typeof scalar !== "number") throw this.#mistake(node, `\`${key}\` is no text`);
      return { text: String(scalar), node };
    });
  }

  #closed(map: YAMLMap, keys: readonly string[]): void {
    for (const { key } of map.items) {
      const name = isScalar(key) ? String(key.value) : "";
      if (!keys.includes(name)) {
        throw this.#mistake(key as Node, `\`${shown(name)}\` is not known here; there are ${keys.join(", ")}`);
      }
    }
  }

  #line(node: Node): number {
    return this.#lines.linePos(node.range?.[0] ?? 0).line;
  }

  #mistake(node: Node, text: string): AccountsFileError {
    return new AccountsFileError(this.#file, this.#line(node), text);
  }
}

/** `null` for a key that is missing or has no value. */
function nodeAt(map: YAMLMap, key: string): Node | null {
  const node = map.get(key, true) as Node | undefined;
  return node === undefined || node === null || (isScalar(node) && node.value === null) ? null : node;
}
