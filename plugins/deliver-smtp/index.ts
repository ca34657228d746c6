/**
 * Delivery to other servers over SMTP: by MX, or everything to a smarthost. Each recipient gets the answer that was given
 * for it; what no host would take now is deferred. Breaks nothing but its own delivery.
 */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { parseNextHop } from "postern/mail";
import { definePlugin, type Finding, NextHops, proceed, routed, ServerFacts, Type } from "postern/plugin";
import { relay } from "./relay.ts";

const TlsLevel = Type.Union(
  [
    Type.Literal("none"),
    Type.Literal("opportunistic"),
    Type.Literal("required"),
    Type.Literal("verified"),
    Type.Literal("implicit"),
  ],
  {
    default: "opportunistic",
    description:
      "`opportunistic`: STARTTLS where offered; `required`: else defer; `verified`: required, with a certificate that fits; `implicit`: TLS from the first byte (port 465), certificate checked.",
  },
);

export default definePlugin({
  name: "deliver-smtp",
  api: 1,
  needs: { nextHops: NextHops, facts: ServerFacts },
  // It has a route for every address.
  after: ["deliver-*"],
  config: Type.Object({
    smarthost: Type.Optional(
      Type.String({
        description: "Everything goes there: `[mail.example.org]:587`; without brackets its MX records are asked.",
      }),
    ),
    login: Type.Optional(Type.String({ description: "Login at the smarthost." })),
    password: Type.Optional(Type.String({ description: "Password at the smarthost; better in `passwordFile`." })),
    passwordFile: Type.Optional(Type.String({ description: "File whose first line is the password." })),
    tls: TlsLevel,
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 25, description: "Port of a host that names none." }),
    sourceAddress: Type.Optional(Type.String({ description: "Local IP address to send from." })),
    connectTimeoutMs: Type.Integer({ minimum: 1, default: 30_000, description: "For one host." }),
    replyTimeoutMs: Type.Integer({ minimum: 1, default: 300_000, description: "For each reply (RFC 5321 4.5.3.2)." }),
  }),
  async setup({ config, needs, configDir, log }) {
    const readPassword = async () =>
      config.passwordFile === undefined
        ? (config.password ?? "")
        : ((await readFile(resolve(configDir, config.passwordFile), "utf8")).split(/\r?\n/)[0] ?? "");
    const password = config.login === undefined ? "" : await readPassword();
    const options = {
      hostname: needs.facts.hostname,
      nextHops: needs.nextHops,
      port: config.port,
      tls: config.tls,
      auth: config.login === undefined ? null : { login: config.login, password },
      authNextHop: config.smarthost ?? null,
      sourceAddress: config.sourceAddress ?? null,
      connectTimeoutMs: config.connectTimeoutMs,
      replyTimeoutMs: config.replyTimeoutMs,
    };
    return {
      hooks: {
        route({ address }) {
          const nextHop = config.smarthost ?? address.domain;
          return routed("smtp", nextHop, `smtp:${nextHop}`);
        },
        async deliver(delivery, call) {
          if (delivery.route.transport !== "smtp") return proceed;
          log.debug({ envelope: delivery.envelope.id, nextHop: delivery.route.nextHop }, "relaying");
          await relay(delivery, options, call.signal);
          return proceed;
        },
      },
      check: async () => findings(config),
    };
  },
});

function findings({
  smarthost,
  sourceAddress,
  login,
  tls,
}: {
  smarthost?: string;
  sourceAddress?: string;
  login?: string;
  tls: string;
}): Finding[] {
  const found: Finding[] = [];
  if (smarthost !== undefined && !parseNextHop(smarthost))
    found.push({
      severity: "error",
      text: `smarthost is no host: ${JSON.stringify(smarthost)}; expected like [mail.example.org]:587`,
    });
  if (sourceAddress !== undefined && isIP(sourceAddress) === 0)
    found.push({ severity: "error", text: `sourceAddress is no IP address: ${JSON.stringify(sourceAddress)}` });
  if (login !== undefined && smarthost === undefined)
    found.push({ severity: "error", text: "login is only for a smarthost, and there is none" });
  if (login !== undefined && (tls === "none" || tls === "opportunistic")) {
    found.push({
      severity: "warning",
      text: `with tls: ${tls} nobody checks whom the password is sent to; say verified or implicit`,
    });
  }
  return found;
}
