/**
 * deliver-lmtp: mail handed over by LMTP (RFC 2033) to a server of mailboxes, Dovecot or Cyrus, over TCP or a unix socket. With `to` it takes all
 * that is for mailboxes here; else only what a route brings. Breaks nothing but its own delivery.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  Accounts,
  Duration,
  defer,
  definePlugin,
  type Finding,
  NextHops,
  Outbound,
  proceed,
  reject,
  routed,
  Type,
} from "postern/plugin";
import { parseDestination } from "./destination.ts";
import { type HandOverOptions, handOver } from "./hand-over.ts";

const TRANSPORT = "lmtp";

export default definePlugin({
  name: "deliver-lmtp",
  api: 1,
  needs: { accounts: Accounts, nextHops: NextHops, outbound: Outbound },
  before: ["deliver-local", "deliver-smtp"],
  config: Type.Object({
    to: Type.Optional(
      Type.String({
        description:
          "Server of all mailboxes here: `unix:/run/dovecot/lmtp` or `[127.0.0.1]:24`. Left out: routes say where.",
      }),
    ),
    users: Type.Union([Type.Literal("accounts"), Type.Literal("any")], {
      default: "accounts",
      description: "`accounts`: only who has an account here, others are refused; `any`: the LMTP server knows them.",
    }),
    tls: Type.Union(
      [
        Type.Literal("none"),
        Type.Literal("opportunistic"),
        Type.Literal("required"),
        Type.Literal("verified"),
        Type.Literal("implicit"),
      ],
      { default: "opportunistic", description: "Over TCP, as with deliver-smtp." },
    ),
    caFile: Type.Optional(
      Type.String({ description: "PEM file of authorities, instead of those that the system trusts." }),
    ),
    login: Type.Optional(Type.String({ description: "Login at the LMTP server." })),
    passwordFile: Type.Optional(Type.String({ description: "File whose first line is the password." })),
    xforward: Type.Boolean({ default: false, description: "Tell the server by XFORWARD who brought the message." }),
    connectTimeout: Duration({ default: "30s", minimum: "1s", description: "Until the server answers." }),
    deliveryTimeout: Duration({
      default: "10m",
      minimum: "1s",
      description: "From the end of the content to each recipient's answer.",
    }),
    idle: Duration({ default: "5s", minimum: "0s", description: "How long a connection waits for the next message." }),
  }),
  async setup({ config, needs, configDir }) {
    const { accounts } = needs;
    const password =
      config.passwordFile === undefined
        ? ""
        : ((await readFile(resolve(configDir, config.passwordFile), "utf8")).split(/\r?\n/)[0] ?? "");
    const options: HandOverOptions = {
      outbound: needs.outbound,
      nextHops: needs.nextHops,
      usual: config.to ?? null,
      tls: config.tls,
      ca: config.caFile === undefined ? null : [await readFile(resolve(configDir, config.caFile), "utf8")],
      login: config.login === undefined ? null : { username: config.login, password },
      isForwarding: config.xforward,
      conversation: {
        timeouts: { connectMs: config.connectTimeout, endMs: config.deliveryTimeout },
        reuse: { idleMs: config.idle },
      },
    };
    const unavailable = () => defer("The directory cannot be asked now", { detail: "3.0" });
    return {
      hooks: {
        async route({ address }) {
          if (config.to === undefined) return proceed;
          const known = config.users === "any" ? null : await accounts.byAddress(address);
          if (known?.at === "unavailable") return unavailable();
          if (known?.at === "found") return routed(TRANSPORT, config.to, `${TRANSPORT}:${config.to}`);
          const domain = await accounts.domain(address.domain);
          if (domain === "unavailable") return unavailable();
          if (domain === "foreign") return proceed;
          return known === null
            ? routed(TRANSPORT, config.to, `${TRANSPORT}:${config.to}`)
            : reject("No such user here", { detail: "1.1" });
        },
        async deliver(delivery, call) {
          if (delivery.route.transport === TRANSPORT) await handOver(delivery, options, call.signal);
          return proceed;
        },
      },
      check: async () => findings(config),
    };
  },
});

function findings({ to, login, passwordFile }: { to?: string; login?: string; passwordFile?: string }): Finding[] {
  const found: Finding[] = [];
  const destination = to === undefined ? null : parseDestination(to);
  if (to !== undefined && destination === null)
    found.push({
      severity: "error",
      text: `to is no LMTP server: ${JSON.stringify(to)}; expected like unix:/run/dovecot/lmtp or [127.0.0.1]:24`,
    });
  // RFC 2033 5
  if (destination?.at === "host" && destination.port === 25)
    found.push({ severity: "warning", text: "port 25 is for SMTP between servers, LMTP must not be there" });
  if ((login === undefined) !== (passwordFile === undefined))
    found.push({ severity: "error", text: "login and passwordFile belong together" });
  return found;
}
