/**
 * Who may send as whom (Postfix's reject_sender_login_mismatch and its kin): the tables name the logins of a sender, and an account
 * may use its own addresses. A directory or table that cannot answer puts the mail off.
 */
import { isWithin } from "postern/mail";
import {
  Accounts,
  type Address,
  type Defer,
  defer,
  definePlugin,
  fillText,
  type Identity,
  type Message,
  networksOf,
  proceed,
  type Reject,
  reject,
  ServerFacts,
  type Session,
  Tables,
  Type,
  whenKnown,
} from "postern/plugin";
import { fromAddresses } from "./from-field.ts";
import { type OwnerParts, ownership, ownersOf } from "./owners.ts";

export default definePlugin({
  name: "policy-sender-login",
  api: 1,
  needs: { tables: Tables, accounts: Accounts, facts: ServerFacts },
  config: Type.Object({
    maps: Type.Array(Type.String(), {
      default: [],
      description: "Tables: sender to the logins that may use it, between commas or blanks (smtpd_sender_login_maps).",
    }),
    mode: Type.Union(
      [Type.Literal("all"), Type.Literal("authenticated"), Type.Literal("unauthenticated"), Type.Literal("known")],
      {
        default: "all",
        description:
          "`authenticated`: who has logged in uses only senders of theirs; `unauthenticated`: a sender that a table names wants a login; `all`: both; `known`: both, only for senders that a table names.",
      },
    ),
    ownAddresses: Type.Boolean({ default: true, description: "An account may use its own addresses." }),
    checkFrom: Type.Boolean({
      default: false,
      description: "The From field of who has logged in is checked like the sender.",
    }),
    exemptLogins: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: "Logins that may send as anybody.",
    }),
    exemptNetworks: Type.Array(Type.String(), {
      default: [],
      description: "Clients in these networks need no login to send as anybody.",
    }),
    texts: Type.Object({
      notOwned: Type.String({ default: "<{sender}>: Sender address rejected: not owned by user {login}" }),
      notLoggedIn: Type.String({ default: "<{sender}>: Sender address rejected: not logged in" }),
      fromNotOwned: Type.String({ default: "<{sender}>: From address rejected: not owned by user {login}" }),
      fromUnreadable: Type.String({ default: "From address rejected: it cannot be read" }),
      unavailable: Type.String({ default: "<{sender}>: Sender address rejected: cannot be verified now" }),
    }),
  }),
  async setup({ config, needs }) {
    const { texts, mode } = config;
    const parts: OwnerParts = {
      tables: needs.tables,
      maps: await needs.tables.openAll(config.maps),
      accounts: needs.accounts,
      ownAddresses: config.ownAddresses,
      recipientDelimiter: needs.facts.recipientDelimiter,
    };
    const anybody = new Set(config.exemptLogins.map((login) => login.toLowerCase()));
    const networks = networksOf(config.exemptNetworks);

    async function mayUse(sender: Address, identity: Identity, text: string): Promise<Reject | Defer | null> {
      const { at } = await ownership(sender, identity, parts);
      const values = { sender: String(sender), login: identity.login };
      if (at === "unavailable") return defer(fillText(texts.unavailable, values), { detail: "4.3" });
      if (at === "owned" || (at === "unknown" && mode === "known")) return null;
      return reject(fillText(text, values), { code: 553, detail: "7.1" });
    }

    function wantsLogin(sender: Address, session: Session | null) {
      // What has no session, or comes from inside the house, has nobody to log in.
      if (!session || session.protocol === "lmtp" || isWithin(session.remote.address, networks)) return proceed;
      return whenKnown(ownersOf(sender, parts), (owners) =>
        owners === null
          ? proceed
          : reject(fillText(texts.notLoggedIn, { sender: String(sender) }), { code: 553, detail: "7.1" }),
      );
    }

    async function checkFrom(identity: Identity, { headers }: Message) {
      const addresses = fromAddresses(headers, needs.facts.origin);
      if (addresses === null) return reject(texts.fromUnreadable, { code: 553, detail: "7.1" });
      for (const address of addresses) {
        const refused = await mayUse(address, identity, texts.fromNotOwned);
        if (refused) return refused;
      }
      return proceed;
    }

    const isBound = (identity: Identity | null | undefined): identity is Identity =>
      identity != null && mode !== "unauthenticated" && !anybody.has(identity.login.toLowerCase());
    return {
      hooks: {
        mailFrom({ session }, reversePath) {
          // The null sender is nobody's (RFC 5321 4.5.5).
          if (reversePath === null) return proceed;
          if (isBound(session?.identity))
            return mayUse(reversePath, session.identity, texts.notOwned).then((refused) => refused ?? proceed);
          if (session?.identity || mode === "authenticated" || parts.maps.length === 0) return proceed;
          return wantsLogin(reversePath, session);
        },
        message({ session }, message) {
          return config.checkFrom && isBound(session?.identity) ? checkFrom(session.identity, message) : proceed;
        },
      },
    };
  },
});
