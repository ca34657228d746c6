/** What an administrator may say of delivery by SMTP. */
import { Duration, type Static, Type } from "postern/plugin";

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

export const options = Type.Object({
  smarthost: Type.Optional(
    Type.String({
      description: "Everything goes there: `[mail.example.org]:587`; without brackets its MX records are asked.",
    }),
  ),
  login: Type.Optional(Type.String({ description: "Login at the smarthost." })),
  password: Type.Optional(Type.String({ description: "Password at the smarthost; better in `passwordFile`." })),
  passwordFile: Type.Optional(Type.String({ description: "File whose first line is the password." })),
  tokenFile: Type.Optional(
    Type.String({
      description: "File whose first line is an OAuth token, instead of a password; read for each connection.",
    }),
  ),
  authMaps: Type.Array(Type.String(), {
    default: [],
    description: "Tables from a host or a next hop to `login:password` (smtp_sasl_password_maps).",
  }),
  mechanisms: Type.Array(Type.String(), {
    default: [],
    description: "SASL mechanisms that may be used, in this order; empty: the strongest that both sides know.",
  }),
  fallbackRelays: Type.Array(Type.String(), {
    default: [],
    description: "Next hops for what cannot be delivered directly, asked in this order (smtp_fallback_relay).",
  }),
  transports: Type.Array(Type.String(), {
    default: ["smtp", "relay"],
    minItems: 1,
    description: "Routes that are delivered here; a second entry of this plugin with other ones has its own options.",
  }),
  tls: TlsLevel,
  tlsPolicies: Type.Array(Type.String(), {
    default: [],
    description:
      "Tables from a destination to a level, which count before all else (smtp_tls_policy_maps): `example.org`, `.example.org`, `[mail.example.org]:587`.",
  }),
  dane: Type.Boolean({
    default: true,
    description:
      "With `tls` `opportunistic` or `required`: verify hosts by their TLSA records where DNSSEC vouches for them.",
  }),
  mtaSts: Type.Boolean({
    default: true,
    description: "With `tls` `opportunistic` or `required`: keep to the MTA-STS policies of domains.",
  }),
  tlsReports: Type.Boolean({
    default: true,
    description: "Count sessions for reports about TLS (RFC 8460), for domains that want them.",
  }),
  caFile: Type.Optional(
    Type.String({ description: "PEM file of authorities, instead of those that the system trusts." }),
  ),
  port: Type.Integer({ minimum: 1, maximum: 65_535, default: 25, description: "Port of a host that names none." }),
  helloName: Type.Optional(Type.String({ description: "Name in EHLO, instead of the server's `hostname`." })),
  sourceAddress: Type.Optional(Type.String({ description: "Local IP address to send from." })),
  sourceAddress6: Type.Optional(Type.String({ description: "Local IPv6 address, where the other one is IPv4." })),
  xforward: Type.Boolean({
    default: false,
    description: "Tell hosts that take XFORWARD for whom we speak: content filters, relays of our own.",
  }),
  connectTimeoutMs: Type.Integer({ minimum: 1, default: 30_000, description: "For one host with all its addresses." }),
  replyTimeoutMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      description: "For each reply; left out: what RFC 5321 4.5.3.2 says, from 2 to 10 minutes.",
    }),
  ),
  reuse: Type.Object({
    idle: Duration({
      default: "5s",
      minimum: "0s",
      description: "How long a connection waits for the next message; 0: not at all.",
    }),
    messages: Type.Integer({ minimum: 1, default: 1_000, description: "Messages over one connection." }),
    age: Duration({ default: "5m", minimum: "1s", description: "How old a connection may be for another message." }),
  }),
});

export type Options = Static<typeof options>;
