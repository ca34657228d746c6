/**
 * From a config file to a `ServerConfig`, or to everything that is wrong with it. Plugins are loaded, their options checked;
 * nothing is started, opened for writing or changed. Never throws for what a file or a plugin contains.
 */
import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { isSchema } from "../../kernel/load/schema.ts";
import { validate } from "../../kernel/load/validate.ts";
import { builtinPlugins } from "../../kernel/load.ts";
import { type Address, parseAddress } from "../../mail/address.ts";
import { defaultDataDir, noConfig } from "./data-dir.ts";
import { loadEntries } from "./entries.ts";
import { hostModules } from "./host.ts";
import {
  type LimitKeys,
  type ListenerKeys,
  limitKeys,
  listenerKeys,
  type ServerKeys,
  serverKeys,
  tlsKeys,
} from "./keys.ts";
import { limitsOf, readListeners } from "./listeners.ts";
import type { Mistake, Placed, Slip } from "./mistake.ts";
import { queueConfigOf } from "./queue-keys.ts";
import { quotaOptionsOf } from "./quota-keys.ts";
import { readReportTexts } from "./report-keys.ts";
import { checkRoles } from "./roles.ts";
import type { ServerConfig } from "./server-config.ts";
import { sharingOptionsOf, sharingSlips } from "./sharing-keys.ts";
import { findConfigFile, mistakeIn, readSource, type Source } from "./source.ts";
import { spoolConfigOf } from "./spool-keys.ts";
import { checkListenerFiles, readTls } from "./tls.ts";

export interface LoadConfig {
  /** As given with `--config`; otherwise it is looked for in `cwd`. */
  readonly file?: string | undefined;
  readonly cwd: string;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: ServerConfig; readonly warnings: readonly Mistake[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export async function loadConfig({ file, cwd }: LoadConfig): Promise<LoadedConfig> {
  const path = file === undefined ? await findConfigFile(cwd) : resolve(cwd, file);
  if (path === null) return { ok: false, mistakes: [noConfig(cwd)] };
  const read = await readSource(path, hostModules);
  return read.ok ? readConfig(read.source) : read;
}

async function readConfig(source: Source): Promise<LoadedConfig> {
  const configDir = dirname(source.file);
  const whole = validate(serverKeys, source.value ?? {});
  const slips: Slip[] = whole.ok ? [] : [...whole.problems];
  // The parts that are right by themselves are looked at together even when others are wrong: all mistakes at once.
  const part = partsOf(source.value);

  const dataDir = resolve(configDir, part.dataDir);
  const { tls, slips: tlsSlips } = await readTls(part.tls, { configDir, dataDir });
  const hasCertificate = tls !== null || part.isTlsWrong;
  const { listeners, slips: listenerSlips } = readListeners(part.listeners, {
    configDir,
    limits: part.limits,
    hasCertificate,
  });
  const from = { configDir, builtins: builtinPlugins(), modules: hostModules };
  const { entries, slips: entrySlips } = await loadEntries(part.plugins, source, from);
  const isComplete = listeners.length === part.listenerCount && entries.length === part.plugins.length;
  slips.push(
    ...tlsSlips,
    ...(await checkListenerFiles(part.listeners, configDir)),
    ...listenerSlips,
    ...entrySlips,
    ...checkRoles({ listeners, entries, isComplete }),
  );

  let config: ServerConfig | null = null;
  if (whole.ok) {
    // The schema that it has just passed.
    const keys = whole.value as ServerKeys;
    const origin = (keys.origin ?? keys.hostname).toLowerCase();
    const postmaster = readPostmaster(keys.postmaster, origin);
    if (keys.firstAccount !== undefined && parseAddress(keys.firstAccount) === null) {
      const text = `"firstAccount" is ${JSON.stringify(keys.firstAccount)}`;
      slips.push({ path: ["firstAccount"], text, expected: "an address such as demo@example.test" });
    }
    const workers = keys.workers ?? availableParallelism();
    const reports = await readReportTexts(keys.reports, configDir);
    slips.push(...reports.slips);
    slips.push(...resolverSlips(keys.dns.servers), ...sharingSlips(keys.sharing));
    if (postmaster === null) {
      const text = `"postmaster" is ${JSON.stringify(keys.postmaster)}`;
      slips.push({ path: ["postmaster"], text, expected: "an address such as postmaster@example.org" });
    } else {
      config = {
        hostname: keys.hostname,
        dataDir,
        maildrop: keys.maildrop === undefined ? join(dataDir, "maildrop") : resolve(configDir, keys.maildrop),
        mailq: keys.mailq,
        user: keys.user ?? null,
        origin,
        postmaster,
        recipientDelimiter: keys.recipientDelimiter,
        tls,
        listeners: listeners.map(({ of }) => of),
        plugins: entries.map(({ of }) => of),
        workers,
        delayReject: keys.delayReject,
        limits: limitsOf(keys.limits),
        queue: queueConfigOf(keys.queue, workers),
        spool: spoolConfigOf(keys.spool, workers),
        reportTexts: reports.texts,
        dns: {
          servers: keys.dns.servers,
          ...(keys.dns.validating !== undefined && { validating: keys.dns.validating }),
          timeoutMs: keys.dns.timeout,
          clientNamesMs: keys.dns.clientNames,
        },
        keyValue: { ceilingBytes: keys.keyValue.maxSize },
        mailboxIndex: { ceilingBytes: keys.mailboxIndex.maxSize },
        quota: quotaOptionsOf(keys.quota),
        sharing: sharingOptionsOf(keys.sharing, configDir),
        login: {
          ...keys.login,
          mechanisms: keys.login.mechanisms ?? null,
          hashThreads: keys.login.hashThreads ?? null,
        },
        firstAccount: keys.firstAccount === undefined ? null : parseAddress(keys.firstAccount),
        log: keys.log,
        configFile: source.file,
        configDir,
      };
    }
  }
  const mistakes = slips.map((slip) => mistakeIn(source, slip));
  const isGood = config !== null && mistakes.every(({ severity }) => severity === "warning");
  return isGood && config !== null ? { ok: true, config, warnings: mistakes } : { ok: false, mistakes };
}

/** A bare name gets the origin: `postmaster: ann`. */
function readPostmaster(raw: string | undefined, origin: string): Address | null {
  const text = raw ?? "postmaster";
  return parseAddress(text.includes("@") ? text : `${text}@${origin}`);
}

/** By name they cannot be asked: nobody could look the name up. */
function resolverSlips(servers: readonly string[]): Slip[] {
  return servers.flatMap((server, at): Slip[] => {
    const [, inBrackets, bare, port = 53] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(server) ?? [];
    if (isIP(inBrackets ?? bare ?? server) > 0 && Number(port) < 65_536) return [];
    const text = `${JSON.stringify(server)} is no address of a resolver`;
    return [{ path: ["dns", "servers", at], text, expected: "an address, or address:port; in IPv6 [address]:port" }];
  });
}

interface Parts {
  readonly dataDir: string;
  readonly tls: ServerKeys["tls"];
  /** It is there, but it is wrong: that is said already. */
  readonly isTlsWrong: boolean;
  readonly limits: LimitKeys;
  readonly listeners: readonly Placed<ListenerKeys>[];
  readonly plugins: readonly unknown[];
  /** With those that are wrong. */
  readonly listenerCount: number;
}

function partsOf(value: unknown): Parts {
  const keys = isSchema(value) ? value : {};
  const right = <T>(schema: object, part: unknown): T | null => {
    const checked = validate(schema, part);
    return checked.ok ? (checked.value as T) : null;
  };
  const tls = keys.tls === undefined ? null : right<ServerKeys["tls"]>(tlsKeys, keys.tls);
  const listed = Array.isArray(keys.listeners) ? keys.listeners : [];
  const listeners = listed.flatMap((item: unknown, position) => {
    const listener = right<ListenerKeys>(listenerKeys, item);
    return listener === null ? [] : [{ position, of: listener }];
  });
  // Defaults, where the limits themselves are wrong: they are compared with nothing.
  const limits = right<LimitKeys>(limitKeys, keys.limits ?? {}) ?? right<LimitKeys>(limitKeys, {});
  if (limits === null) throw new Error("the limits have no defaults");
  return {
    dataDir: typeof keys.dataDir === "string" ? keys.dataDir : defaultDataDir,
    tls: tls ?? undefined,
    isTlsWrong: keys.tls !== undefined && tls === null,
    limits,
    listeners,
    plugins: Array.isArray(keys.plugins) ? keys.plugins : [],
    listenerCount: listed.length,
  };
}
