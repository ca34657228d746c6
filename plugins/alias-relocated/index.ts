/**
 * Addresses that have moved (Postfix's relocated(5)): refused at RCPT with the place where they are now, so that a person can
 * write there. A table that cannot answer puts the mail off.
 */
import { definePlugin, fillText, proceed, reject, Tables, Type } from "postern/plugin";

export default definePlugin({
  name: "alias-relocated",
  api: 1,
  needs: { tables: Tables },
  before: ["alias-virtual"],
  config: Type.Object({
    maps: Type.Array(Type.String(), {
      default: [],
      description: "Tables from an old address to the new one, or to whatever is to be said of it.",
    }),
    // RFC 5321 3.4: 551 if the new address is to be tried, 550 if not
    code: Type.Union([Type.Literal(550), Type.Literal(551)], {
      default: 550,
      description: "Reply code; `551` invites the client's software to try the new address by itself.",
    }),
    text: Type.String({
      default: "User has moved to {moved}",
      description: "What the client is told; `{moved}` is what the table has, `{address}` what it asked for.",
    }),
    textWithoutPlace: Type.String({
      default: "User has moved",
      description: "The same where the table has nothing but the key.",
    }),
  }),
  async setup({ config, needs }) {
    const tables = await needs.tables.openAll(config.maps);
    return {
      hooks: {
        async expand({ address }) {
          const found = needs.tables.findAddress(tables, address, "virtual");
          const hit = found instanceof Promise ? await found : found;
          if (!hit) return proceed;
          const moved = hit.value.trim();
          const text = fillText(moved === "" ? config.textWithoutPlace : config.text, {
            moved,
            address: address.toString(),
          });
          // RFC 3463 3.2: destination mailbox has moved, no forwarding address
          return reject(text, { code: config.code, detail: "1.6" });
        },
      },
    };
  },
});
