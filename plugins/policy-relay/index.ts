/**
 * Who may send mail to other servers through this one: clients that have logged in, and clients in trusted networks. Grants
 * only; whoever gets none is refused by core (550 5.7.1). A mistake in a network keeps the server from starting.
 */
import { accept, definePlugin, type Finding, proceed, Type } from "postern/plugin";
import { isWithin, type Network, networkText, parseNetwork } from "./networks.ts";

/** LMTP (RFC 2033) only delivers here; whoever reaches that socket gets no relay. */
const RELAYING_ROLES: ReadonlySet<string> = new Set(["mx", "submission"]);

export default definePlugin({
  name: "policy-relay",
  api: 1,
  config: Type.Object({
    networks: Type.Array(Type.String(), {
      default: [],
      description: "Clients in these networks may relay without a login: `192.0.2.0/24`, `2001:db8::/32`, `::1`.",
    }),
    authenticated: Type.Boolean({ default: true, description: "Clients that have logged in may relay." }),
  }),
  setup({ config }) {
    const networks: Network[] = [];
    for (const text of config.networks) {
      const network = parseNetwork(text);
      if (typeof network === "string") throw new Error(network);
      networks.push(network);
    }
    return {
      hooks: {
        destination({ session }) {
          if (!session || !RELAYING_ROLES.has(session.listener.role)) return proceed;
          if (config.authenticated && session.identity) return accept("authenticated");
          const network = isWithin(session.remote.address, networks);
          return network ? accept(`network ${networkText(network)}`) : proceed;
        },
      },
      check: async () => findings(networks),
    };
  },
});

function findings(networks: readonly Network[]): Finding[] {
  return networks
    .filter(([, prefixBits]) => prefixBits === 0)
    .map((network) => ({
      severity: "error",
      text: `networks has ${networkText(network)}: the whole world could relay through this server`,
    }));
}
