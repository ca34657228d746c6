/**
 * alias-system: aliases(5) and `.forward` as sendmail and Postfix have them, for the local domains. Core expands the targets in turn and
 * guards against loops; commands and files are delivered here. A table, a list or a home that cannot be read puts the mail off, as does a
 * target that cannot be used.
 */
import {
  Accounts,
  accept,
  amend,
  definePlugin,
  type Envelope,
  LocalCommands,
  optional,
  proceed,
  type Recipient,
  reject,
  routed,
  ServerFacts,
  Size,
  Tables,
  Type,
} from "postern/plugin";
import { deliverAll, TRANSPORT } from "./deliver.ts";
import { expansionOf } from "./expand.ts";
import { findings } from "./findings.ts";
import { comesBack, commonName } from "./going-round.ts";
import { aliasOf, isNoAlias } from "./look-up.ts";
import { ownTarget } from "./own-target.ts";
import type { Allowed, Site } from "./site.ts";

const Permission = Type.Union([Type.Literal("includes"), Type.Literal("commands"), Type.Literal("files")]);

export default definePlugin({
  name: "alias-system",
  api: 1,
  needs: { tables: Tables, facts: ServerFacts, accounts: Accounts, commands: optional(LocalCommands) },
  before: ["deliver-*", "route-transport"],
  config: Type.Object({
    maps: Type.Array(Type.String(), {
      default: ["aliases:/etc/aliases"],
      description: "Tables of aliases, asked in order.",
    }),
    domains: Type.Array(Type.String(), {
      default: [],
      description:
        "Local domains, besides `hostname`, localhost, and `origin` where a directory serves it: aliases are names in each of them.",
    }),
    allow: Type.Array(Permission, {
      default: ["includes"],
      description: "What aliases may lead to besides addresses: `:include:` files, `|commands`, `/files`.",
    }),
    forward: Type.Object({
      enabled: Type.Boolean({ default: false, description: "Whether accounts may have a `.forward`." }),
      file: Type.String({
        default: ".forward",
        pattern: "^[^/]+$",
        expected: "a file name",
        description: "Its name in the account's home.",
      }),
      maxSize: Size({ default: "64KiB", maximum: "1MiB", description: "A larger one puts the mail off." }),
      allow: Type.Array(Type.Union([Type.Literal("commands"), Type.Literal("files")]), {
        default: [],
        description: "What it may lead to besides addresses.",
      }),
    }),
    loopText: Type.String({
      default: "This message has been here before",
      description: "What is said of mail that comes back from where it was forwarded to.",
    }),
    unknownText: Type.String({
      default: "No such user here",
      description: "What is said to whoever writes to the target of an alias.",
    }),
  }),
  async setup({ config, needs, log, clock, state }) {
    const tables = await needs.tables.openAll(config.maps);
    const pattern = tables.findIndex(({ kind }) => kind === "pattern" || kind === "network");
    // A stranger must not choose what stands in a command or a path.
    if (pattern >= 0) throw new Error(`maps: ${config.maps[pattern]} is a table of patterns; aliases are single names`);
    const { facts } = needs;
    const site: Site = {
      tables,
      facts,
      accounts: needs.accounts,
      commands: needs.commands,
      log,
      clock,
      domains: new Set([...config.domains, facts.hostname, "localhost"].map((domain) => domain.toLowerCase())),
      allowed: allowedBy(config.allow),
      forward: config.forward.enabled
        ? {
            file: config.forward.file,
            maxSize: config.forward.maxSize,
            recipientDelimiter: facts.recipientDelimiter,
            allowed: allowedBy(config.forward.allow),
          }
        : null,
    };
    const unknown = reject(config.unknownText, { detail: "1.1" });
    const names = state<Envelope, Set<string>>(() => new Set());
    return {
      hooks: {
        findDomain: ({ domain }) => (site.domains.has(domain) ? accept("local domain") : proceed),
        destination(envelope, { address }) {
          if (ownTarget(address)) return isHandedBack(envelope) ? accept("target of an alias") : proceed;
          if (isNoAlias(address, site)) return proceed;
          return aliasOf(address, site).then((alias) => (alias ? accept("alias") : proceed));
        },
        expand(recipient, envelope) {
          if (ownTarget(recipient.address)) return isOurs(recipient, envelope) ? proceed : unknown;
          if (!site.forward && isNoAlias(recipient.address, site)) return proceed;
          return expansionOf(recipient, envelope, site).then((answer) => {
            if (answer?.verdict === "expanded") names(envelope).add(String(recipient.address));
            return answer ?? proceed;
          });
        },
        messageFor: (envelope, message, recipient) =>
          comesBack(names(envelope), message, recipient) ? reject(config.loopText, { detail: "4.6" }) : proceed,
        prepare(envelope) {
          const name = commonName(names(envelope), envelope);
          return name === null ? proceed : amend({ op: "prepend", header: "Delivered-To", value: name });
        },
        route(recipient, envelope) {
          if (!ownTarget(recipient.address)) return proceed;
          return isOurs(recipient, envelope) ? routed(TRANSPORT, null) : unknown;
        },
        async deliver(delivery, call) {
          if (delivery.route.transport === TRANSPORT) await deliverAll(delivery, site, call);
          return proceed;
        },
      },
      check: () => findings(site),
    };
  },
});

const allowedBy = (permissions: readonly string[]): Allowed => ({
  includes: permissions.includes("includes"),
  commands: permissions.includes("commands"),
  files: permissions.includes("files"),
});

/** Nobody can write to a command: it has to have come out of its alias, before a content filter perhaps. */
const isOurs = ({ parents }: Recipient, envelope: Envelope): boolean => parents.length > 0 || isHandedBack(envelope);
const isHandedBack = ({ session }: Envelope): boolean => session?.listener.role === "reinject";
