/**
 * A content filter behind the queue (Postfix's content_filter): every message goes to the filter first, which hands it back to a
 * listener with the role `reinject`; what came from there goes its way. While the filter is away mail waits in the queue.
 */
import { parseNextHop } from "postern/mail";
import {
  definePlugin,
  type Envelope,
  proceed,
  REINJECTED_LABEL,
  type Routed,
  routed,
  type Table,
  Tables,
  Type,
} from "postern/plugin";

/** What stands in `senderMaps` for a sender whose mail is not filtered. */
const NO_FILTER = "none";

export default definePlugin({
  name: "route-filter",
  api: 1,
  needs: { tables: Tables },
  before: ["deliver-*", "route-*"],
  config: Type.Object({
    filter: Type.String({
      description: "Where mail goes: `smtp:[127.0.0.1]:10025`, or another transport and its next hop.",
      expected: "transport:next-hop such as smtp:[127.0.0.1]:10025",
      pattern: "^[a-z][a-z0-9-]*:\\S+$",
    }),
    senderMaps: Type.Array(Type.String(), {
      default: [],
      description:
        "Tables from a sender (`<>` for the null one) to its own filter, or to `none`; who is in none of them has `filter`.",
    }),
  }),
  async setup({ config, needs }) {
    const usual = parseFilter(config.filter);
    if (!usual) throw new Error(`filter: ${JSON.stringify(config.filter)} has no next hop`);
    const tables = await needs.tables.openAll(config.senderMaps);
    const filterOf = async ({ reversePath }: Envelope, maps: readonly Table[]): Promise<Routed | null> => {
      const found = needs.tables.findAddress(maps, reversePath, "virtual");
      const hit = found instanceof Promise ? await found : found;
      if (!hit) return usual;
      if (hit.value.trim() === NO_FILTER) return null;
      const filter = parseFilter(hit.value.trim());
      // A fault: the mail waits until the entry is mended.
      if (!filter) throw new Error(`senderMaps: the entry of ${JSON.stringify(hit.key)} is no filter`);
      return filter;
    };
    return {
      hooks: {
        route(_, envelope) {
          // Bounces are of our own making. What the filter let pass is marked, durably.
          if (envelope.origin === "bounce" || envelope.label(REINJECTED_LABEL) === true) return proceed;
          if (tables.length === 0) return usual;
          return filterOf(envelope, tables).then((filter) => filter ?? proceed);
        },
      },
    };
  },
});

function parseFilter(text: string): Routed | null {
  const colon = text.indexOf(":");
  const nextHop = text.slice(colon + 1);
  if (colon < 1 || !parseNextHop(nextHop)) return null;
  const transport = text.slice(0, colon);
  return routed(transport, nextHop, `${transport}:${nextHop}`);
}
