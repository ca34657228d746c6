/**
 * Delivery to other servers over SMTP: by MX, or everything to a smarthost. Each recipient gets the answer that was given
 * for it; what no host would take now is deferred. Breaks nothing but its own delivery.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  definePlugin,
  KeyValue,
  NextHops,
  Outbound,
  type OutboundLogin,
  optional,
  proceed,
  Resolver,
  routed,
  Tables,
  TlsReporters,
} from "postern/plugin";
import { findings } from "./findings.ts";
import { loginsFor } from "./logins.ts";
import { type Options, options } from "./options.ts";
import { type RelayOptions, relay } from "./relay.ts";
import { createHostTls } from "./tls/host-tls.ts";
import { StsPolicies } from "./tls/sts-policies.ts";
import { createTlsPolicies } from "./tls/tls-policies.ts";
import { TlsReports } from "./tls/tls-reports.ts";

export default definePlugin({
  name: "deliver-smtp",
  api: 1,
  needs: {
    keyValue: KeyValue,
    nextHops: NextHops,
    outbound: Outbound,
    resolver: Resolver,
    tables: Tables,
    tlsReporters: optional(TlsReporters),
  },
  // It has a route for every address.
  after: ["deliver-*"],
  config: options,
  async setup({ id, config, needs, configDir, clock, log }) {
    const transports = new Set(config.transports);
    const own = await ownLogin(config, configDir);
    const tables = await needs.tables.openAll(config.authMaps);
    const { resolver, keyValue } = needs;
    const tlsTables = await needs.tables.openAll(config.tlsPolicies);
    const sts = config.mtaSts
      ? new StsPolicies({ space: keyValue.space(`${id}/mta-sts`), resolver, clock, log })
      : null;
    const reports = config.tlsReports
      ? new TlsReports({ space: keyValue.space(`${id}/tls-reports`), resolver, clock, log })
      : null;
    if (reports) needs.tlsReporters?.register(reports);
    const tls = createHostTls({
      policies: createTlsPolicies({
        level: config.tls === "opportunistic" ? "auto" : config.tls,
        more: config.caFile === undefined ? {} : { ca: [await readFile(resolve(configDir, config.caFile), "utf8")] },
        isDaneUsed: config.dane,
        sts,
        tables: tlsTables,
        resolver,
        log,
      }),
      sts,
      reports,
      tables: tlsTables,
      specs: config.tlsPolicies,
      resolver,
      log,
    });
    const relayOptions: RelayOptions = {
      nextHops: needs.nextHops,
      outbound: needs.outbound,
      log,
      port: config.port,
      fallbackRelays: config.fallbackRelays,
      tlsFor: tls.tlsFor,
      isHostSafe: tls.isHostSafe,
      report: tls.report,
      loginFor: loginsFor({ own, tables, mechanisms: config.mechanisms }),
      isForwarding: config.xforward,
      conversation: conversationOf(config),
    };
    return {
      hooks: {
        route({ address }) {
          if (!transports.has("smtp")) return proceed;
          const nextHop = config.smarthost ?? address.domain;
          return routed("smtp", nextHop, `smtp:${nextHop}`);
        },
        async deliver(delivery, call) {
          if (!transports.has(delivery.route.transport)) return proceed;
          await relay(delivery, relayOptions, call.signal);
          return proceed;
        },
      },
      check: async () => [...findings(config), ...(await tls.check())],
      stop: tls.stop,
    };
  },
});

/** What is the same for each conversation. */
function conversationOf(config: Options): RelayOptions["conversation"] {
  const { sourceAddress, sourceAddress6, connectTimeoutMs, replyTimeoutMs, reuse, helloName } = config;
  const source = {
    ...(sourceAddress !== undefined &&
      (sourceAddress.includes(":") ? { ipv6: sourceAddress } : { ipv4: sourceAddress })),
    ...(sourceAddress6 !== undefined && { ipv6: sourceAddress6 }),
  };
  return {
    ...(Object.keys(source).length > 0 && { source }),
    ...(helloName !== undefined && { helloName }),
    timeouts: {
      connectMs: connectTimeoutMs,
      ...(replyTimeoutMs !== undefined && allReplies(replyTimeoutMs)),
    },
    reuse: { idleMs: reuse.idle, maxUses: reuse.messages, maxAgeMs: reuse.age },
  };
}

const allReplies = (timeoutMs: number) => ({
  greetingMs: timeoutMs,
  helloMs: timeoutMs,
  mailMs: timeoutMs,
  rcptMs: timeoutMs,
  dataMs: timeoutMs,
  blockMs: timeoutMs,
  endMs: timeoutMs,
});

async function ownLogin(
  config: Options,
  configDir: string,
): Promise<{ readonly nextHop: string; readonly login: OutboundLogin } | null> {
  const { smarthost, login, password, passwordFile, tokenFile, mechanisms } = config;
  if (login === undefined || smarthost === undefined) return null;
  const more = mechanisms.length === 0 ? {} : { mechanisms };
  if (tokenFile !== undefined)
    return { nextHop: smarthost, login: { username: login, tokenFile: resolve(configDir, tokenFile), ...more } };
  const secret =
    passwordFile === undefined
      ? (password ?? "")
      : ((await readFile(resolve(configDir, passwordFile), "utf8")).split(/\r?\n/)[0] ?? "");
  return { nextHop: smarthost, login: { username: login, password: secret, ...more } };
}
