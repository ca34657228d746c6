/** The keys of the config file as a schema; docs/reference/config-keys.md is made from it. */
import { type Static, type TOptional, type TSchema, Type } from "typebox";
import { Duration, Size } from "../../kernel/unit-schemas.ts";
import { loginKeys } from "./login-keys.ts";
import { peerKeys } from "./peer-keys.ts";
import { queueKeys } from "./queue-keys.ts";
import { quotaKeys } from "./quota-keys.ts";
import { reportKeys } from "./report-keys.ts";
import { sharingKeys } from "./sharing-keys.ts";
import { spoolKeys } from "./spool-keys.ts";

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
  errors: Type.Integer({
    description: "Refused commands and recipients of one SMTP session before it is closed with 421.",
    minimum: 1,
    default: 20,
  }),
  idleCommands: Type.Integer({
    description: "Commands that bring no mail (NOOP, RSET, EHLO, ...) before 421; a message that is taken begins anew.",
    minimum: 5,
    default: 100,
  }),
  headerSize: Size({ description: "Largest header of a message.", minimum: "16KiB", default: "512KiB" }),
  headerFields: Type.Integer({ description: "Most fields of a message's header.", minimum: 100, default: 4000 }),
  // RFC 5321 4.5.3.1.6
  lineLength: Size({
    description: "Longest line of a message, with CRLF. The standard has 1,000 octets; real mail has longer ones.",
    minimum: "1000B",
    default: "1MiB",
  }),
  commandTimeout: Duration({
    description: "How long to wait for a whole command (RFC 5321 asks for five minutes).",
    minimum: "1s",
    default: "5m",
  }),
  contentStartTimeout: Duration({
    description: "How long to wait for the first octet behind `354`.",
    minimum: "1s",
    default: "2m",
  }),
  contentTimeout: Duration({
    description: "How long to wait between two pieces of a message.",
    minimum: "1s",
    default: "3m",
  }),
  writeTimeout: Duration({
    description: "How long replies wait for a client that does not read them.",
    minimum: "1s",
    default: "5m",
  }),
  minDataRate: Size({
    description:
      "Octets a second that a message must come with, on average over `dataRatePeriod`, or the client is cut off with 421; time in which the client waits for the server does not count. `0`: no such limit.",
    minimum: "0",
    default: "100B",
  }),
  dataRatePeriod: Duration({
    description: "The sliding period that `minDataRate` is measured over.",
    minimum: "1s",
    default: "5m",
  }),
};
const bareLineEnds = Type.Optional(
  Type.Union([Type.Literal("reject"), Type.Literal("normalize")], {
    description:
      "Messages with a CR or LF that stands alone: `reject` (the default for `mx`), or `normalize`: make CRLF of each (the default for `submission` and `lmtp`). Neither ever ends a message. NUL is always refused; `BODY=BINARYMIME` may have all of them in its body.",
  }),
);
export const limitKeys = Type.Object({
  ...limits,
  bareLineEnds,
  // RFC 5321 6.3
  hops: Type.Integer({
    description: "`Received:` fields of a message before it is taken for a loop and refused with 5.4.6.",
    minimum: 10,
    default: 100,
  }),
  expansion: Type.Integer({
    description:
      "Addresses that one address may be expanded to, by aliases and lists; beyond that its mail is put off with 4.4.6.",
    minimum: 1,
    maximum: 20_000,
    default: 10_000,
  }),
});
export type LimitKeys = Static<typeof limitKeys>;

const withoutDefault = <T extends object>(schema: T): T => {
  const { default: _, ...rest } = { default: undefined, ...schema };
  return rest as T;
};

/** The same keys, each of which may be left out. */
const withoutDefaults = <P extends Record<string, TSchema>>(properties: P) =>
  Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => [key, Type.Optional(withoutDefault(schema))]),
  ) as { [K in keyof P]: TOptional<P[K]> };

const certificatePair = Type.Object({
  cert: FilePath("Certificate chain, PEM."),
  key: FilePath("Private key, PEM."),
});
const certificateList = Type.Array(certificatePair, { minItems: 1 });

export const tlsWords = ["none", "optional", "required", "implicit"] as const;

export const listenerKeys = Type.Object({
  role: Type.String({
    description:
      "What is spoken: `mx`, `submission`, `lmtp`, `reinject` (a content filter hands mail back), or a role that a plugin serves (`imap`, `pop3`).",
    pattern: "^[a-z][a-z0-9-]{0,31}$",
    expected: "a role such as mx, submission, lmtp, imap or pop3",
  }),
  host: Type.Optional(
    Type.String({
      description: "Address to listen on; all of them by default, `127.0.0.1` for `reinject`.",
      minLength: 1,
    }),
  ),
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
  certificates: Type.Optional(
    Type.Union([certificatePair, certificateList], {
      description: "Certificates of this listener instead of the server's, written as `tls` is at the top.",
      expected: "{ cert: FILE, key: FILE }, or a list of them",
    }),
  ),
  clientCertificates: Type.Optional(
    Type.Union(
      (["none", "ask", "require"] as const).map((name) => Type.Literal(name)),
      {
        description:
          "Whether clients are asked for a certificate: `none` (the default); `ask`: taken if there is one; `require`: one that `clientCa` vouches for, or no TLS.",
      },
    ),
  ),
  clientCa: Type.Optional(
    FilePath(
      "Authorities that vouch for client certificates, PEM. Without it they are known by their fingerprint only.",
    ),
  ),
  clientInReceived: Type.Optional(
    Type.Boolean({
      description:
        "Whether `Received:` names the client of a submission, its address and HELO name; yes by default. `false` keeps from recipients where your users are.",
    }),
  ),
  mode: Type.Optional(
    Type.String({
      description: "Permissions of the unix socket; `0660` by default.",
      pattern: "^0?[0-7]{3}$",
      expected: 'an octal mode in quotes such as "0660"',
    }),
  ),
  owner: Type.Optional(
    Type.String({
      description: "Who owns the unix socket: `user`, `user:group` or `:group`; only root can give it away.",
      pattern: "^(?!:?$)[A-Za-z0-9_.-]*(:[A-Za-z0-9_.-]+)?$",
      expected: "user, user:group or :group",
    }),
  ),
  proxy: Type.Optional(
    Type.Object(
      {
        from: Type.Array(Type.String(), {
          description:
            "Networks of proxies. A connection from there must begin with a PROXY header, before TLS; one from elsewhere must not. `unix`: whoever reaches the unix socket.",
          minItems: 1,
        }),
      },
      {
        description:
          "The PROXY protocol, versions 1 and 2: `{ from: [192.0.2.10] }`. Limits and policies see the client.",
      },
    ),
  ),
  ...peerKeys,
  limits: Type.Optional(
    Type.Object(
      { ...withoutDefaults(limits), bareLineEnds },
      { description: "Limits of this listener where they differ from the server's." },
    ),
  ),
});
export type ListenerKeys = Static<typeof listenerKeys>;

export const tlsKeys = Type.Union([Type.Literal("self-signed"), certificatePair, certificateList], {
  description:
    "Certificates of all listeners: `{ cert: FILE, key: FILE }`, or a list of them. Clients get the one for the name that they ask for (SNI), else the first; RSA and ECDSA for the same name may stand side by side. Followed when they are renewed. Or `self-signed`: the server makes one below `dataDir` at its first start, for trying out.",
  expected: "{ cert: FILE, key: FILE }, a list of them, or self-signed",
});

export const serverKeys = Type.Object({
  hostname: HostName("This server's name in banner, EHLO and `Received:`; it should resolve, and back."),
  dataDir: Type.String({
    description: "Where accepted mail and all state is kept.",
    minLength: 1,
    default: "data",
    expected: "a path",
  }),
  user: Type.Optional(Type.String({ description: "User to become once the sockets are open.", minLength: 1 })),
  maildrop: Type.Optional(
    FilePath(
      "Where local programs leave mail (the command `sendmail`): a directory of the server's user that all users can get to; `maildrop` in `dataDir` by default.",
    ),
  ),
  mailq: Type.String({
    description:
      "Who sees the queue, besides root and the server's user, with `mailq` or `sendmail -bp`: `everybody` on this machine, `nobody`, or the members of a group, by its name; the server's user must be one of them. Envelopes are seen, not messages.",
    minLength: 1,
    default: "everybody",
    expected: "everybody, nobody, or the name of a group",
  }),
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
  limits: Type.Object(limitKeys.properties, { description: "What one client may ask for, see below." }),
  queue: queueKeys,
  spool: spoolKeys,
  reports: reportKeys,
  dns: Type.Object(
    {
      servers: Type.Array(Type.String({ minLength: 1, expected: "an address, or address:port" }), {
        description: "Resolvers to ask, `address` or `address:port`; those of the system by default.",
        default: [],
      }),
      validating: Type.Optional(
        Type.Boolean({
          description:
            "These resolvers validate DNSSEC, and nobody can come between them and this server: what they call authentic is believed, as DANE needs it. By default only resolvers on this machine are believed; `false`: none is.",
        }),
      ),
      timeout: Duration({ description: "For one try; there are two.", minimum: "100ms", default: "5s" }),
      clientNames: Duration({
        description:
          "How long a mail client waits for the banner while its name is looked up, there and back again; `0`: it waits for no name, and only plugins that ask get one.",
        default: "3s",
      }),
    },
    { description: "How names are looked up." },
  ),
  keyValue: Type.Object(
    {
      maxSize: Size({
        description: "So much is kept at most; beyond it nothing new is, until something expires.",
        minimum: "1MiB",
        default: "256MiB",
      }),
    },
    { description: "Facts that workers share below `dataDir/kv`: counters, greylists, bans." },
  ),
  mailboxIndex: Type.Object(
    {
      maxSize: Size({
        description:
          "How large it may become; beyond it what belongs to mailboxes that were not opened for longest goes. About 2 KiB a message are of use.",
        minimum: "64MiB",
        default: "4GiB",
      }),
    },
    {
      description:
        "What is known of mailboxes and would be slow to find out again, below `dataDir/mailbox-index`. It may be deleted while the server does not run.",
    },
  ),
  login: loginKeys,
  quota: quotaKeys,
  sharing: sharingKeys,
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
