/** The keys of the config file as a schema; docs/reference/config-keys.md is made from it. */
import { type Static, Type } from "typebox";
import { Duration, Size } from "../../kernel/units.ts";

const hostPattern =
  "^(?=.{1,255}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";
const HostName = (description: string) =>
  Type.String({ description, pattern: hostPattern, expected: "a host name such as mx.example.org" });
const FilePath = (description: string) => Type.String({ description, minLength: 1, expected: "a path" });
const word = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$";

const limits = {
  messageSize: Size({ description: "Largest message taken, announced with SIZE.", minimum: "64KiB", default: "50MiB" }),
  // RFC 5321 4.5.3.1.8: at least 100
  recipients: Type.Integer({ description: "Recipients of one message.", minimum: 100, default: 1000 }),
  connections: Type.Integer({
    description: "Connections open at once, per listener and worker.",
    minimum: 1,
    default: 2000,
  }),
  connectionsPerAddress: Type.Integer({
    description: "The same from one client address (one /64 in IPv6).",
    minimum: 1,
    default: 100,
  }),
};
export const limitKeys = Type.Object(limits);
export type LimitKeys = Static<typeof limitKeys>;

const withoutDefault = <T extends object>(schema: T): T => {
  const { default: _, ...rest } = { default: undefined, ...schema };
  return rest as T;
};

export const tlsWords = ["none", "optional", "required", "implicit"] as const;

export const listenerKeys = Type.Object({
  role: Type.String({
    description: "What is spoken: `mx`, `submission`, `lmtp`, or a role that a plugin serves (`imap`, `pop3`).",
    pattern: "^[a-z][a-z0-9-]{0,31}$",
    expected: "a role such as mx, submission, lmtp, imap or pop3",
  }),
  host: Type.Optional(Type.String({ description: "Address to listen on; all of them by default.", minLength: 1 })),
  port: Type.Optional(
    Type.Integer({ description: "TCP port; 0 lets the system choose one.", minimum: 0, maximum: 65535 }),
  ),
  path: Type.Optional(FilePath("Unix socket to listen on instead of a port.")),
  tls: Type.Optional(
    Type.Union(
      tlsWords.map((name) => Type.Literal(name)),
      {
        description:
          "`none`; `optional`: STARTTLS is offered (the default); `required`: nothing but STARTTLS before TLS (the default for `submission`); `implicit`: TLS from the first byte.",
      },
    ),
  ),
  name: Type.Optional(
    Type.String({
      description: "Name in logs and in `when`; `role-port` by default.",
      pattern: word,
      expected: "a short name",
    }),
  ),
  proxy: Type.Optional(
    Type.Literal("off", {
      description: "The PROXY protocol; only `off` so far.",
      expected: "off: nothing else is there yet",
    }),
  ),
  limits: Type.Optional(
    Type.Object(
      {
        messageSize: Type.Optional(withoutDefault(limits.messageSize)),
        recipients: Type.Optional(withoutDefault(limits.recipients)),
        connections: Type.Optional(withoutDefault(limits.connections)),
        connectionsPerAddress: Type.Optional(withoutDefault(limits.connectionsPerAddress)),
      },
      { description: "Limits of this listener where they differ from the server's." },
    ),
  ),
});
export type ListenerKeys = Static<typeof listenerKeys>;

export const tlsKeys = Type.Union(
  [
    Type.Literal("self-signed"),
    Type.Object({ cert: FilePath("Certificate chain, PEM."), key: FilePath("Private key, PEM.") }),
  ],
  {
    description:
      "Certificate of all listeners: `{ cert: FILE, key: FILE }`, followed when it is renewed; or `self-signed`: the server makes one below `dataDir` at its first start, for trying out.",
  },
);

export const serverKeys = Type.Object({
  hostname: HostName("This server's name in banner, EHLO and `Received:`; it should resolve, and back."),
  dataDir: Type.String({
    description: "Where accepted mail and all state is kept.",
    minLength: 1,
    default: "data",
    expected: "a path",
  }),
  user: Type.Optional(Type.String({ description: "User to become once the sockets are open.", minLength: 1 })),
  origin: Type.Optional(HostName("Domain that completes bare addresses; `hostname` by default.")),
  postmaster: Type.Optional(
    Type.String({
      description: "Who gets mail for `postmaster` and is named in bounces; `postmaster@` the origin by default.",
      expected: "an address such as postmaster@example.org",
      minLength: 1,
    }),
  ),
  recipientDelimiter: Type.String({
    description:
      "What separates a user's name from an extension: mail for `user+lists` is mail for `user`. Of several characters each is a delimiter; empty: there are no extensions.",
    pattern: "^[!#$%&'*+/=?^_`{|}~.-]{0,8}$",
    default: "+",
    expected: 'characters such as "+" or "+-"',
  }),
  tls: Type.Optional(tlsKeys),
  listeners: Type.Array(listenerKeys, { description: "Where clients connect, see below.", minItems: 1 }),
  plugins: Type.Array(Type.Unknown(), {
    description: "What the server does, in order, see below.",
    default: [],
    expected: "a list of plugins",
  }),
  workers: Type.Optional(
    Type.Integer({ description: "Worker processes; one a core by default.", minimum: 1, maximum: 512 }),
  ),
  delayReject: Type.Boolean({
    description:
      "Give refusals of connection, HELO and sender at the first recipient, so that the log has it and users can still authenticate.",
    default: true,
  }),
  limits: Type.Object(limits, { description: "What one client may ask for, see below." }),
  queue: Type.Object(
    {
      firstRetry: Duration({
        description: "Pause before the second try; it doubles from try to try.",
        minimum: "1s",
        default: "5m",
      }),
      maxRetry: Duration({ description: "Longest pause between two tries.", minimum: "1s", default: "66m" }),
      expiry: Duration({
        description: "After that, what is not delivered is given back to its sender.",
        minimum: "1s",
        default: "5d",
      }),
      warnAfter: Duration({ description: "When a sender is told that it takes longer.", minimum: "1s", default: "4h" }),
    },
    { description: "When mail that could not be delivered is tried again." },
  ),
  dns: Type.Object(
    {
      servers: Type.Array(Type.String({ minLength: 1, expected: "an address, or address:port" }), {
        description: "Resolvers to ask, `address` or `address:port`; those of the system by default.",
        default: [],
      }),
      timeout: Duration({ description: "For one try; there are two.", minimum: "100ms", default: "5s" }),
      clientNames: Duration({
        description:
          "How long a mail client waits for the banner while its name is looked up, there and back again; `0`: names are not looked up.",
        default: "3s",
      }),
    },
    { description: "How names are looked up." },
  ),
  firstAccount: Type.Optional(
    Type.String({
      description:
        "For trying out: an account that is made at a start that finds none, with a password that is printed once.",
      expected: "an address such as demo@example.test",
      minLength: 1,
    }),
  ),
  log: Type.Object(
    {
      level: Type.Union(
        (["debug", "info", "warn", "error"] as const).map((level) => Type.Literal(level)),
        { description: "Least important level that is logged.", default: "info" },
      ),
      pretty: Type.Union([Type.Literal("auto"), Type.Boolean()], {
        description: "Text for people instead of JSON; `auto`: on a terminal.",
        default: "auto",
      }),
    },
    { description: "The log on standard output." },
  ),
});
export type ServerKeys = Static<typeof serverKeys>;

const stringOrList = (description: string) =>
  Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
    description,
  });

export const entryKeys = Type.Object({
  use: Type.String({ description: "The plugin: a name, an npm package, or a path.", minLength: 1 }),
  with: Type.Optional(Type.Unknown({ description: "Its options.", expected: "a table" })),
  id: Type.Optional(
    Type.String({
      description: "Name in logs; the plugin's by default. Needed when a plugin is used twice and both matter.",
      pattern: word,
      expected: "a short name",
    }),
  ),
  when: Type.Optional(
    Type.Object(
      {
        role: Type.Optional(stringOrList("Only sessions of listeners with one of these roles.")),
        listener: Type.Optional(stringOrList("Only sessions of listeners with one of these names.")),
      },
      { description: "Sessions it is asked about: `{ role: [mx], listener: [mx-25] }`; all by default." },
    ),
  ),
  timeoutMs: Type.Optional(
    Type.Integer({
      description: "How long a handler may take, in milliseconds; the hook's own default otherwise.",
      minimum: 1,
      maximum: 3_600_000,
    }),
  ),
  onFault: Type.Union([Type.Literal("defer"), Type.Literal("continue")], {
    description: "`continue`: mail passes when this plugin fails. Policies and notices only.",
    default: "defer",
  }),
  shadow: Type.Boolean({
    description: "Ask the plugin, log what it would have said, and go on without it. Policies only.",
    default: false,
  }),
});
export type EntryKeys = Static<typeof entryKeys>;
