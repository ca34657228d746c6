/**
 * Dovecot's passwd-file: `user:{SCHEME}hash:uid:gid:gecos:home:shell:extra`, one account a line, `#` begins a comment line.
 * A user without a domain gets the one that is served. uid, gid and shell mean nothing here: all mail belongs to the server.
 * Throws `AccountsFileError` with the line. Edits leave all other lines as they are.
 */
import { parseSize } from "postern/plugin";
import {
  type AccountsContent,
  AccountsFileError,
  accountAddress,
  checkUnique,
  type StoredAccount,
  shown,
} from "./content.ts";
import type { AccountsFormat } from "./format.ts";

interface Row {
  /** From 0. */
  readonly at: number;
  readonly fields: readonly string[];
}

export const passwdFormat: AccountsFormat = {
  parse(text, file, domains): AccountsContent {
    const warnings: { line: number; text: string }[] = [];
    const accounts = rows(text).map(({ at, fields }): StoredAccount => {
      const line = at + 1;
      const [user = "", password = "", , , , home = ""] = fields;
      const address = accountAddress(user, domains);
      if (typeof address === "string") throw new AccountsFileError(file, line, address);
      const extra = extraFields(fields.slice(7).join(":"));
      const barred = ["nologin", "allow_nets", "nopassword"].find((name) => extra.has(name));
      if (barred)
        warnings.push({ line, text: `${barred} is not understood here: nobody can log in as ${shown(user)}` });
      return {
        login: user,
        addresses: [address],
        // "!" and "*" lock an account, as in shadow(5).
        secrets: barred || password === "" || /^[!*]/.test(password) ? [] : [password],
        home: home === "" ? null : home,
        quotaBytes: quotaBytes(extra, file, line),
        quotaMessages: quotaMessages(extra, file, line),
        line,
      };
    });
    checkUnique(file, accounts);
    return { domains: [], accounts, warnings };
  },

  add(text, { address, secret }) {
    const separator = text === "" || text.endsWith("\n") ? "" : "\n";
    return `${text}${separator}${address}:${secret}::::::\n`;
  },

  setSecret: (text, index, secret) =>
    edited(text, index, (line) => {
      const [user = "", , ...rest] = line.split(":");
      return [[user, secret, ...rest].join(":")];
    }),

  replaceSecret(text, index, old, fresh) {
    return rows(text)[index]?.fields[1] === old ? passwdFormat.setSecret(text, index, fresh) : null;
  },

  remove: (text, index) => edited(text, index, () => []),
};

function rows(text: string): Row[] {
  return text.split("\n").flatMap((raw, at) => {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    return line.trim() === "" || line.startsWith("#") ? [] : [{ at, fields: line.split(":") }];
  });
}

function edited(text: string, index: number, edit: (line: string) => string[]): string {
  const at = rows(text)[index]?.at;
  if (at === undefined) throw new RangeError("the file has changed meanwhile");
  const lines = text.split("\n");
  lines.splice(at, 1, ...edit(lines[at] ?? ""));
  return lines.join("\n");
}

/** `key=value` and bare words, separated by blanks; a `userdb_` before the key says only where Dovecot uses it. */
function extraFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const word of text.split(/\s+/)) {
    const [, name = "", value = ""] = /^(?:userdb_)?([^=]+)(?:=(.*))?$/.exec(word) ?? [];
    if (name !== "") fields.set(name, value);
  }
  return fields;
}

/**
 * `quota_rule=*:storage=1G:messages=1000`, `quota_rule=*:bytes=1048576`, `quota_storage_size=1G`, `quota_message_count=1000`. Dovecot's
 * units are powers of 1024, and 0 is no limit.
 */
function quotaBytes(extra: ReadonlyMap<string, string>, file: string, line: number): number | null {
  const [kind, limit] = ruled(extra, ["storage", "bytes"]) ?? [];
  const written = extra.get("quota_storage_size") ?? limit;
  if (!written) return null;
  const bytes = parseSize(written.replace(/([kmgt])(?:i?b)?$/i, "$1iB"));
  if (bytes === null) throw new AccountsFileError(file, line, `"${shown(written)}" is no size`);
  // Dovecot counts a bare `storage` in KiB.
  return kind === "storage" && written === limit && /^\d+$/.test(written) ? bytes * 1024 : bytes;
}

function quotaMessages(extra: ReadonlyMap<string, string>, file: string, line: number): number | null {
  const written = extra.get("quota_message_count") ?? ruled(extra, ["messages"])?.[1];
  if (!written) return null;
  if (!/^\d{1,12}$/.test(written))
    throw new AccountsFileError(file, line, `"${shown(written)}" is no number of messages`);
  return Number(written);
}

/** Kind and value of the first of these limits in the rule of the whole account. */
function ruled(extra: ReadonlyMap<string, string>, kinds: readonly string[]): readonly [string, string] | null {
  const [folder, ...limits] = (extra.get("quota_rule") ?? "").split(":");
  if (folder !== "*") return null;
  for (const limit of limits) {
    const [, kind = "", value = ""] = /^(\w+)=(\S+)$/.exec(limit) ?? [];
    if (kinds.includes(kind)) return [kind, value];
  }
  return null;
}
