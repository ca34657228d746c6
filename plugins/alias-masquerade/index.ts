/**
 * Masquerading (Postfix's masquerade_domains): hides hosts and subdomains behind their domain, in envelope and header:
 * `ann@host.sub.example.org` becomes `ann@example.org`. Looks nothing up; nothing can fail.
 */
import { fieldAddresses, recipientFields, senderFields } from "postern/mail";
import {
  Accounts,
  type Address,
  amend,
  type Change,
  definePlugin,
  expanded,
  isOwnMail,
  proceed,
  Type,
} from "postern/plugin";
import { type MasqueradeRules, masquerade, parseRule } from "./masquerade.ts";

export default definePlugin({
  name: "alias-masquerade",
  api: 1,
  needs: { accounts: Accounts },
  before: ["alias-virtual"],
  config: Type.Object({
    domains: Type.Array(
      Type.String({ minLength: 1, expected: "a domain, with ! in front of it for one to leave alone" }),
      {
        default: [],
        description:
          'Domains whose subdomains are hidden, the first that fits counts: `["!lists.example.org", example.org]` leaves `lists.example.org` and what is below it alone.',
      },
    ),
    exceptions: Type.Array(Type.String(), {
      default: [],
      description: "Local parts that are left alone: `[root]` (masquerade_exceptions).",
    }),
    classes: Type.Array(
      Type.Union(
        (["envelopeSender", "envelopeRecipient", "headerSender", "headerRecipient"] as const).map((word) =>
          Type.Literal(word),
        ),
      ),
      {
        default: ["envelopeSender", "headerSender", "headerRecipient"],
        description:
          "What is rewritten (masquerade_classes). `envelopeRecipient` makes mail to a host undeliverable there.",
      },
    ),
    headersOf: Type.Union([Type.Literal("own"), Type.Literal("all")], {
      default: "own",
      description:
        "Whose header fields are rewritten: of `own` users (logged in, submission, sendmail), or of `all`, which breaks foreign signatures.",
    }),
  }),
  setup({ config, needs }) {
    const rules: MasqueradeRules = {
      domains: config.domains.map(parseRule),
      exceptions: new Set(config.exceptions.map((name) => name.toLowerCase())),
    };
    const classes = new Set<string>(config.classes);
    const inHeaders = [
      ...(classes.has("headerSender") ? [senderFields] : []),
      ...(classes.has("headerRecipient") ? [recipientFields] : []),
    ];
    const readdressed = (headers: { all(name: string): readonly string[] }, fields: readonly string[]): Change[] => {
      const addresses: { from: Address; to: Address }[] = [];
      for (const from of fieldAddresses(headers, fields)) {
        const to = masquerade(from, rules);
        if (to) addresses.push({ from, to });
      }
      return addresses.length > 0 ? [{ op: "readdress", headers: fields, addresses }] : [];
    };
    return {
      hooks: {
        async expand(recipient) {
          if (!classes.has("envelopeRecipient")) return proceed;
          const address = masquerade(recipient.address, rules);
          if (!address) return proceed;
          const domain = await needs.accounts.domain(recipient.address.domain);
          return expanded([{ address }], domain === "served" ? {} : { grantsRelay: false });
        },
        prepare(envelope, { headers }) {
          const { reversePath } = envelope;
          const address = reversePath && classes.has("envelopeSender") ? masquerade(reversePath, rules) : null;
          const changes: Change[] = address ? [{ op: "reversePath", address }] : [];
          if (config.headersOf === "all" || isOwnMail(envelope))
            for (const fields of inHeaders) changes.push(...readdressed(headers, fields));
          return changes.length > 0 ? amend(...changes) : proceed;
        },
      },
    };
  },
});
