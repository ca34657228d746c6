/**
 * Who may send mail to other servers through this one, and for which foreign domains this server takes mail from anybody.
 * Grants; refuses only what a relay domain's table of recipients does not know. Whoever gets no grant is refused by core
 * (550 5.7.1). A mistake in a network keeps the server from starting; a table or DNS that cannot tell now defers.
 */
import { domainList, isWithin, networkText } from "postern/mail";
import {
  Accounts,
  accept,
  definePlugin,
  NextHops,
  networksOf,
  proceed,
  type Recipient,
  Resolver,
  routed,
  ServerFacts,
  type Session,
  Tables,
  Type,
} from "postern/plugin";
import { isListedCertificate } from "./certificates.ts";
import { findings } from "./findings.ts";
import { isBackup } from "./mx-backup.ts";
import { judgeRecipient } from "./relay-recipients.ts";

/** LMTP (RFC 2033) only delivers here; whoever reaches that socket gets no relay. */
const RELAYING_ROLES: ReadonlySet<string> = new Set(["mx", "submission"]);

export default definePlugin({
  name: "policy-relay",
  api: 1,
  needs: { accounts: Accounts, facts: ServerFacts, nextHops: NextHops, resolver: Resolver, tables: Tables },
  config: Type.Object({
    networks: Type.Array(Type.String(), {
      default: [],
      description: "Clients in these networks may relay without a login: `192.0.2.0/24`, `2001:db8::/32`, `::1`.",
    }),
    authenticated: Type.Boolean({ default: true, description: "Clients that have logged in may relay." }),
    certificates: Type.Array(Type.String(), {
      default: [],
      description:
        "Tables whose keys are SHA-256 fingerprints of client certificates that may relay, with or without colons.",
    }),
    verifiedCertificates: Type.Boolean({
      default: false,
      description: "Clients with any certificate that the listener's `clientCa` vouches for may relay.",
    }),
    relayDomains: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        "Domains whose mail is taken from anybody and handed on to their own servers; `.example.org` stands for all below it.",
    }),
    relayRecipients: Type.Array(Type.String(), {
      default: [],
      description: "Tables of the addresses that exist in relay domains; without one, all are taken.",
    }),
    relayNextHops: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: "Where mail of a relay domain goes instead of to its MX: `{ example.net: '[10.0.0.5]:25' }`.",
    }),
    transport: Type.String({
      default: "smtp",
      minLength: 1,
      description: "The transport that carries mail with a next hop of `relayNextHops`.",
    }),
    mxBackup: Type.Object(
      {
        networks: Type.Array(Type.String(), {
          default: [],
          description: "Networks of the primary servers for which this one may stand in; empty: nobody's.",
        }),
        names: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description: "Names of this server in MX records, beside `hostname`.",
        }),
      },
      { description: "Any domain that names this server as a backup MX (permit_mx_backup)." },
    ),
    texts: Type.Object({
      unknown: Type.String({
        default: "<{recipient}>: Recipient address rejected: User unknown in relay recipient table",
      }),
      unavailable: Type.String({ default: "<{recipient}>: Recipient address rejected: cannot be verified now" }),
    }),
  }),
  async setup({ config, needs }) {
    const networks = networksOf(config.networks);
    const certificates = await needs.tables.openAll(config.certificates);
    const recipients = config.relayRecipients.length === 0 ? null : await needs.tables.openAll(config.relayRecipients);
    const domains = domainList(config.relayDomains);
    const nextHops = domainList(Object.keys(config.relayNextHops));
    const backup = {
      networks: networksOf(config.mxBackup.networks),
      names: new Set([needs.facts.hostname, ...config.mxBackup.names].map((name) => name.toLowerCase())),
      resolver: needs.resolver,
    };

    const grant = (session: Session): string | null => {
      if (config.authenticated && session.identity) return "authenticated";
      if (config.verifiedCertificates && session.tls?.isClientVerified === true) return "verified certificate";
      const network = isWithin(session.remote.address, networks);
      return network && `network ${networkText(network)}`;
    };
    return {
      hooks: {
        destination({ session }, { address }, call) {
          if (!session || !RELAYING_ROLES.has(session.listener.role)) return proceed;
          if (domains.covers(address.domain)) {
            if (recipients === null) return accept("relay domain");
            return judgeRecipient(address, {
              tables: recipients,
              texts: config.texts,
              accounts: needs.accounts,
              find: needs.tables.findAddress,
            });
          }
          const granted = grant(session);
          if (granted !== null) return accept(granted);
          const fingerprint = session.tls?.clientFingerprint ?? null;
          const mayList = certificates.length > 0 && fingerprint !== null;
          if (!mayList && backup.networks.length === 0) return proceed;
          const ask = async () => {
            if (mayList && (await isListedCertificate(fingerprint, certificates))) return accept("listed certificate");
            return isBackup(address.domain, backup, call.signal);
          };
          return ask();
        },
        // Who names no next hops is in no chain of routes, so that `postern explain` shows who is.
        ...(Object.keys(config.relayNextHops).length > 0 && {
          route({ address }: Recipient) {
            const key = nextHops.covers(address.domain);
            const nextHop = key && config.relayNextHops[key];
            return nextHop ? routed(config.transport, nextHop) : proceed;
          },
        }),
      },
      check: () => findings(config, needs),
    };
  },
});
