/**
 * Accounts from one file: YAML, or a passwd-file as Dovecot has it. Answers who has which address and what is stored for a
 * login. A file that cannot be used defers mail and logins (451, 454), it never makes anybody unknown.
 */
import { stat } from "node:fs/promises";
import { extname, resolve } from "node:path";
import { parseDomain } from "postern/mail";
import {
  AccountAdmins,
  accept,
  defer,
  definePlugin,
  type Finding,
  found,
  type Log,
  LoginMethods,
  optional,
  proceed,
  type Rehash,
  ServerFacts,
  stored,
  Type,
} from "postern/plugin";
import { AccountEditor } from "./account-editor.ts";
import type { AccountIndex, IndexedAccount, IndexOptions } from "./account-index.ts";
import { AccountsFile, readFault } from "./accounts-file.ts";
import { homeOf, templateFault } from "./home.ts";
import { passwdFormat } from "./passwd-format.ts";
import { weaknesses } from "./secret-strength.ts";
import { yamlFormat } from "./yaml-format.ts";

export default definePlugin({
  name: "directory-file",
  api: 1,
  needs: { facts: ServerFacts, admins: optional(AccountAdmins), logins: optional(LoginMethods) },
  config: Type.Object({
    path: Type.String({ minLength: 1, description: "The accounts file, relative to the config file." }),
    format: Type.Union([Type.Literal("auto"), Type.Literal("yaml"), Type.Literal("passwd")], {
      default: "auto",
      description: "`auto`: YAML if the name ends in .yaml or .yml, else a passwd-file.",
    }),
    domains: Type.Array(Type.String(), {
      default: [],
      description: "Domains served, beside those that the file names and those of its addresses.",
    }),
    home: Type.String({
      default: "{dataDir}/mail/{domain}/{user}",
      description: "Where accounts that name no home keep their mail; relative to the config file.",
    }),
    rehash: Type.Optional(
      Type.Union([Type.Literal("ARGON2ID"), Type.Literal("SCRAM-SHA-256")], {
        description: "Replace passwords that are stored otherwise, or at a lower cost, when a login has shown them.",
      }),
    ),
  }),
  async setup({ config, needs, log, configDir }) {
    const fault = templateFault(config.home);
    if (fault) throw new Error(fault);
    const place = { dataDir: needs.facts.dataDir, configDir };
    const indexOptions: IndexOptions = {
      domains: config.domains.map(domainName),
      homeOf: (written, address) => homeOf(written ?? config.home, address, place),
    };
    const path = resolve(configDir, config.path);
    const isYaml = config.format === "auto" ? /^\.ya?ml$/i.test(extname(path)) : config.format === "yaml";
    const format = isYaml ? yamlFormat : passwdFormat;
    const file = new AccountsFile({ ...indexOptions, path, format }, log);
    await file.refresh();
    const editor = new AccountEditor(file, format, indexOptions, place.dataDir);
    needs.admins?.register(editor);
    needs.logins?.register({ methods: () => file.current()?.methods ?? [] });
    const rehash = config.rehash && rehashing(editor, config.rehash, log);

    /** Answers at once from memory; only before "unknown" is the file looked at again. */
    const look = <T>(
      find: (index: AccountIndex) => IndexedAccount | null,
      answer: (index: AccountIndex | null, match: IndexedAccount | null) => T,
    ): T | Promise<T> => {
      const index = file.current();
      const match = index && find(index);
      if (match || file.isSettled) return answer(index, match);
      return file.latest().then((latest) => answer(latest, latest && find(latest)));
    };
    const unavailable = defer("Accounts cannot be looked up at present", { detail: "3.0" });

    return {
      hooks: {
        findAccount: (query) =>
          look(
            (index) => ("login" in query ? index.byLogin(query.login) : index.byAddress(query.address)),
            (index, match) => (match ? found(match.account) : index ? proceed : unavailable),
          ),
        findDomain({ domain }) {
          const domains = file.current()?.domains ?? new Set(indexOptions.domains);
          return domains.has(domain) ? accept("accounts live here") : proceed;
        },
        credentials: ({ login }) =>
          look(
            (index) => index.byLogin(login),
            (index, match) => {
              if (!index) return unavailable;
              // Without a password stored here, another plugin may know how to check one.
              if (!match || match.secrets.length === 0) return proceed;
              const { login } = match.account;
              return stored({ login, account: match.account }, match.secrets, rehash?.(login));
            },
          ),
      },
      start: async () => file.watch(),
      stop: async () => file.unwatch(),
      check: () => findings(file),
    };
  },
});

/** A file that cannot be written is tried once, and said once. */
function rehashing(editor: AccountEditor, scheme: Rehash["scheme"], log: Log): (login: string) => Rehash | undefined {
  let isReadOnly = false;
  return (login) => {
    if (isReadOnly) return undefined;
    return {
      scheme,
      async replace(old, fresh) {
        const change = await editor.replaceSecret(login, old, fresh);
        if (change.at === "done") return true;
        if (change.cause === "readOnly") {
          isReadOnly = true;
          log.warn({ cause: change.text }, "passwords are not hashed anew");
        }
        return false;
      },
    };
  };
}

function domainName(written: string): string {
  const domain = parseDomain(written);
  if (domain === null) throw new Error(`domains has "${written}", which is no domain`);
  return domain;
}

async function findings(file: AccountsFile): Promise<Finding[]> {
  try {
    const { content } = await file.read();
    const found: Finding[] = content.warnings.map(({ line, text }) => ({
      severity: "warning",
      text: `${file.path}:${line}: ${text}`,
    }));
    if (((await stat(file.path)).mode & 0o007) !== 0) {
      found.push({ severity: "warning", text: `${file.path} is open to everybody on this machine: chmod 600` });
    }
    for (const text of weaknesses(content.accounts)) found.push({ severity: "warning", text: `${file.path}: ${text}` });
    if (content.accounts.length === 0) found.push({ severity: "warning", text: `${file.path} has no accounts` });
    return found;
  } catch (error) {
    return [{ severity: "error", text: readFault(file.path, error) }];
  }
}
