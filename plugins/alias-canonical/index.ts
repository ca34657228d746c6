/**
 * Canonical addresses (Postfix's canonical(5)): senders and recipients under the name that the world is to see, in envelope and
 * header. Another name grants no relay. A table that cannot answer, and an entry that is no address, put the mail off.
 */
import { fieldAddresses, recipientFields, senderFields } from "postern/mail";
import {
  Accounts,
  type Address,
  amend,
  type Change,
  defer,
  definePlugin,
  type Envelope,
  expanded,
  isOwnMail,
  proceed,
  ServerFacts,
  Tables,
  Type,
} from "postern/plugin";
import { BadEntry, createMapping, type Mapping } from "./mapping.ts";

const Maps = (description: string) => Type.Array(Type.String(), { default: [], description });
const Classes = <const Word extends string>(words: readonly Word[], description: string) =>
  Type.Array(Type.Union(words.map((word) => Type.Literal(word))), { default: [...words], description });

type Class = "envelopeSender" | "envelopeRecipient" | "headerSender" | "headerRecipient";

export default definePlugin({
  name: "alias-canonical",
  api: 1,
  needs: { tables: Tables, facts: ServerFacts, accounts: Accounts },
  before: ["alias-virtual", "alias-masquerade"],
  config: Type.Object({
    maps: Maps("Tables for senders and recipients (canonical_maps), asked in order."),
    senderMaps: Maps("Tables for senders, asked first (sender_canonical_maps)."),
    recipientMaps: Maps("Tables for recipients, asked first (recipient_canonical_maps)."),
    classes: Classes(
      ["envelopeSender", "envelopeRecipient", "headerSender", "headerRecipient"],
      "What `maps` rewrite (canonical_classes).",
    ),
    senderClasses: Classes(["envelopeSender", "headerSender"], "What `senderMaps` rewrite."),
    recipientClasses: Classes(["envelopeRecipient", "headerRecipient"], "What `recipientMaps` rewrite."),
    headersOf: Type.Union([Type.Literal("own"), Type.Literal("all")], {
      default: "own",
      description:
        "Whose header fields are rewritten: of `own` users (logged in, submission, sendmail), or of `all`, which breaks foreign signatures.",
    }),
    propagateExtension: Type.Boolean({
      default: true,
      description: "`user+ext` found as `user` keeps its extension behind the new name.",
    }),
  }),
  async setup({ config, needs, log }) {
    const how = { tables: needs.tables, origin: needs.facts.origin, propagates: config.propagateExtension };
    const common = await needs.tables.openAll(config.maps);
    const ofSenders = await needs.tables.openAll(config.senderMaps);
    const ofRecipients = await needs.tables.openAll(config.recipientMaps);
    const mappingOf = (kind: Class): Mapping | null => {
      const isSender = kind === "envelopeSender" || kind === "headerSender";
      const specific = isSender ? ofSenders : ofRecipients;
      const classes: readonly string[] = isSender ? config.senderClasses : config.recipientClasses;
      const stages = [
        ...(isAmong(classes, kind) && specific.length > 0 ? [specific] : []),
        ...(isAmong(config.classes, kind) && common.length > 0 ? [common] : []),
      ];
      return stages.length > 0 ? createMapping(stages, how) : null;
    };
    const envelopeSender = mappingOf("envelopeSender");
    const envelopeRecipient = mappingOf("envelopeRecipient");
    const inHeaders = [
      { fields: senderFields, mapping: mappingOf("headerSender") },
      { fields: recipientFields, mapping: mappingOf("headerRecipient") },
    ];

    const mapSender = async ({ reversePath }: Envelope): Promise<Change[]> => {
      // The null sender has no other name.
      const address = reversePath && envelopeSender ? await envelopeSender(reversePath) : null;
      return address ? [{ op: "reversePath", address }] : [];
    };
    return {
      hooks: {
        async expand(recipient) {
          // As in Postfix, only of what the client said: aliases come behind.
          if (!envelopeRecipient || recipient.parents.length > 0) return proceed;
          let address: Address | null;
          try {
            address = await envelopeRecipient(recipient.address);
          } catch (error) {
            if (!(error instanceof BadEntry)) throw error;
            log.error({ key: error.key, value: error.value }, "canonical entry is no address");
            return defer("This address leads nowhere at present", { detail: "3.5" });
          }
          if (!address) return proceed;
          const domain = await needs.accounts.domain(recipient.address.domain);
          return expanded([{ address }], domain === "served" ? {} : { grantsRelay: false });
        },
        async prepare(envelope, { headers }) {
          const changes = await mapSender(envelope);
          if (config.headersOf === "all" || isOwnMail(envelope))
            for (const { fields, mapping } of inHeaders) {
              if (!mapping) continue;
              const addresses: { from: Address; to: Address }[] = [];
              for (const from of fieldAddresses(headers, fields)) {
                const to = await mapping(from);
                if (to) addresses.push({ from, to });
              }
              if (addresses.length > 0) changes.push({ op: "readdress", headers: fields, addresses });
            }
          return changes.length > 0 ? amend(...changes) : proceed;
        },
      },
    };
  },
});

const isAmong = (classes: readonly string[], kind: Class): boolean => classes.includes(kind);
