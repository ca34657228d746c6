/** Lets hosts whose name looks like that of a dial-up line send a few messages a day. Tables, client names, and counters that all workers share. */
import { ClientNames, Duration, definePlugin, KeyValue, proceed, reject, Tables, Type } from "postern/plugin";

export default definePlugin({
  name: "policy-dynamic-hosts",
  api: 1,
  needs: { names: ClientNames, store: KeyValue, tables: Tables },
  config: Type.Object({
    hosts: Type.Array(Type.String(), {
      default: [],
      description: "Tables of host names, such as `pcre:dynamic.pcre`.",
    }),
    limit: Type.Integer({ minimum: 0, default: 3, description: "Messages that such a host may send." }),
    within: Duration({ default: "1d", minimum: "1m", description: "How long they count." }),
  }),
  async setup({ id, config, needs, clock }) {
    const hosts = await needs.tables.openAll(config.hosts);
    const counts = needs.store.space<{ sent: number; until: number }>(id);
    return {
      hooks: {
        async mailFrom({ session }) {
          if (!session || session.identity) return proceed;
          const client = await needs.names.find(session.remote.address);
          if (client.at !== "verified" || !(await needs.tables.findDomain(hosts, client.name))) return proceed;
          const now = await counts.update(client.name, (held) => {
            const { sent, until } = held ?? { sent: 0, until: clock.now() + config.within };
            return { value: { sent: sent + 1, until }, expiresAtMs: until };
          });
          return (now?.sent ?? 0) > config.limit
            ? reject("Use your provider's mail server", { detail: "7.1" })
            : proceed;
        },
      },
    };
  },
});
