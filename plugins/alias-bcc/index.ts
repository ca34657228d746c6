/**
 * Blind copies that nobody is told of: of all mail, of a sender's, of a recipient's (Postfix's always_bcc, sender_bcc_maps and
 * recipient_bcc_maps). Nobody hears of a copy that fails. A table that cannot answer, and an entry that is no address, put the
 * mail off: a copy is not left out in silence.
 */
import { parseAddress } from "postern/mail";
import {
  type Address,
  amend,
  definePlugin,
  type Notify,
  proceed,
  type Recipient,
  ServerFacts,
  type Table,
  Tables,
  Type,
} from "postern/plugin";

/** Mail that somebody sent; what this server writes itself is not copied, and forwarded mail was copied when it came. */
const COPIED: ReadonlySet<string> = new Set(["smtp", "lmtp", "sendmail"]);
const quiet: ReadonlySet<Notify> = new Set(["never"]);

const Maps = (description: string) => Type.Array(Type.String(), { default: [], description });

export default definePlugin({
  name: "alias-bcc",
  api: 1,
  needs: { tables: Tables, facts: ServerFacts },
  after: ["alias-canonical", "alias-masquerade"],
  config: Type.Object({
    always: Type.Array(Type.String(), { default: [], description: "Addresses that get a copy of all mail." }),
    senderMaps: Maps("Tables from a sender to who gets a copy of what it sends (sender_bcc_maps)."),
    recipientMaps: Maps("Tables from a recipient to who gets a copy of what it receives (recipient_bcc_maps)."),
  }),
  async setup({ config, needs }) {
    const { origin } = needs.facts;
    const always = listOf(config.always.join(","), origin);
    if (!Array.isArray(always)) throw new Error(`always: ${JSON.stringify(always.mistake)} is no address`);
    const ofSenders = await needs.tables.openAll(config.senderMaps);
    const ofRecipients = await needs.tables.openAll(config.recipientMaps);
    const copies = async (tables: readonly Table[], address: Address): Promise<readonly Address[]> => {
      const found = needs.tables.findAddress(tables, address, "virtual");
      const hit = found instanceof Promise ? await found : found;
      if (!hit) return [];
      const list = listOf(hit.value, origin);
      if (Array.isArray(list)) return list;
      throw new Error(`the entry of ${JSON.stringify(hit.key)}: ${JSON.stringify(list.mistake)} is no address`);
    };
    return {
      hooks: {
        async prepare({ origin: cameBy, reversePath, recipients }) {
          if (!COPIED.has(cameBy)) return proceed;
          const wanted = [...always];
          if (ofSenders.length > 0 && reversePath) wanted.push(...(await copies(ofSenders, reversePath)));
          if (ofRecipients.length > 0)
            for (const address of namesOf(recipients)) wanted.push(...(await copies(ofRecipients, address)));
          const addresses = new Map(wanted.map((address) => [address.toString(), address]));
          if (addresses.size === 0) return proceed;
          return amend(
            ...[...addresses.values()].map((address) => ({ op: "addRecipient", address, notify: quiet }) as const),
          );
        },
      },
    };
  },
});

/** A recipient under the name that the client said, and under those that it was expanded to; each once. */
function namesOf(recipients: readonly Recipient[]): readonly Address[] {
  const names = new Map<string, Address>();
  for (const { parents, address } of recipients)
    for (const name of [...parents, address]) names.set(name.toString(), name);
  return [...names.values()];
}

/** Addresses with commas or spaces between them; a bare name gets the origin. */
function listOf(text: string, origin: string): Address[] | { readonly mistake: string } {
  const addresses: Address[] = [];
  for (const item of text.match(/(?:"(?:[^"\\]|\\.)*"|[^\s,"])+/g) ?? []) {
    const address = parseAddress(item.includes("@") ? item : `${item}@${origin}`);
    if (!address) return { mistake: item };
    addresses.push(address);
  }
  return addresses;
}
