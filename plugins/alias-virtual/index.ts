/**
 * Virtual aliases (Postfix's virtual(5)): one address in, its targets out. Core expands the targets in turn, removes
 * duplicates and guards against loops. A table that cannot answer, or an entry with a target that is no address, defers the mail.
 */
import { parseDomain, unicodeDomain } from "postern/mail";
import {
  type Address,
  accept,
  defer,
  definePlugin,
  expanded,
  proceed,
  ServerFacts,
  type Table,
  Tables,
  Type,
} from "postern/plugin";
import { parseTargets } from "./targets.ts";

/** A table may have the domain with its U-labels. */
const byUnicode = (table: Table, domain: string) => {
  const written = unicodeDomain(domain);
  return written === domain ? null : table.get(written);
};

export default definePlugin({
  name: "alias-virtual",
  api: 1,
  needs: { tables: Tables, facts: ServerFacts },
  config: Type.Object({
    maps: Type.Array(Type.String(), {
      default: [],
      description: "Tables, asked in order: `hash:/etc/postern/virtual`, `inline:{ a@example.org = b@example.org }`.",
    }),
    domains: Type.Array(Type.String(), {
      default: [],
      description:
        "Virtual alias domains: every address of theirs is an alias or does not exist. A table entry whose key is a bare domain says the same.",
    }),
  }),
  async setup({ config, needs, log }) {
    const tables = await needs.tables.openAll(config.maps);
    const lookUp = (address: Address) => needs.tables.findAddress(tables, address, "virtual");
    const domains = new Set(config.domains.map((domain) => parseDomain(domain) ?? domain.toLowerCase()));
    const isMarked = async (domain: string) => {
      for (const table of tables)
        if (
          (table.kind ?? "exact") === "exact" &&
          ((await table.get(domain)) ?? (await byUnicode(table, domain))) !== null
        )
          return true;
      return false;
    };
    return {
      hooks: {
        async findDomain({ domain }) {
          return domains.has(domain) || (await isMarked(domain)) ? accept("virtual alias domain") : proceed;
        },
        async destination(_, { address }) {
          return (await lookUp(address)) ? accept("virtual alias") : proceed;
        },
        async expand({ address }) {
          const match = await lookUp(address);
          if (!match) return proceed;
          const { addresses, mistakes } = parseTargets(address, match, needs.facts.origin);
          if (mistakes.length > 0)
            log.error({ key: match.key, mistakes }, "virtual alias has targets that are no addresses");
          if (mistakes.length > 0 || addresses.length === 0)
            return defer("This alias leads nowhere at present", { detail: "3.5" });
          return expanded(addresses.map((target) => ({ address: target })));
        },
      },
    };
  },
});
