/** Takes mail for domains that live elsewhere: for a backup MX. Who the recipients are, their own server knows. */
import { accept, definePlugin, proceed, Type } from "postern/plugin";

export default definePlugin({
  name: "policy-relay-domains",
  api: 1,
  config: Type.Object({
    domains: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: "Domains to take mail for." }),
  }),
  setup({ config }) {
    const domains = new Set(config.domains.map((domain) => domain.toLowerCase()));
    return {
      hooks: {
        destination: (_, { address }) => (domains.has(address.domain) ? accept("backup MX") : proceed),
      },
    };
  },
});
