import {
  type Account,
  type Address,
  accept,
  amend,
  authenticated,
  defer,
  defineLabel,
  definePlugin,
  defineService,
  discard,
  expanded,
  filed,
  found,
  optional,
  proceed,
  quarantine,
  reject,
  routed,
  type Session,
  stored,
} from "postern/plugin";
import { Type } from "typebox";

/** A policy. */
export const recipientLimit = definePlugin({
  name: "policy-recipient-limit",
  api: 1,
  config: Type.Object({
    limit: Type.Integer({ minimum: 1, default: 50, description: "Recipients one session may offer." }),
  }),
  setup({ config, log, state }) {
    const offered = state((_: Session) => ({ recipients: 0 }));
    return {
      hooks: {
        rcptTo({ session }, recipient) {
          if (!session || session.identity || ++offered(session).recipients <= config.limit) return proceed;
          log.info({ recipient: String(recipient.address) }, "recipient limit reached");
          return defer("Too many recipients", { code: 452, detail: "5.3" });
        },
      },
    };
  },
});

/** A content filter: effects are answers, and the score travels to delivery. */
const SpamScore = defineLabel("spam-score", Type.Number());
export const filter = definePlugin({
  name: "filter-example",
  api: 1,
  setup: () => ({
    hooks: {
      async message(_, message, call) {
        const score = await Promise.resolve(message.sizeBytes % 20);
        if (call.signal.aborted) return proceed;
        if (score > 15) return reject("This looks like spam", { detail: "7.1", code: 554 });
        if (score > 10) return quarantine(`score ${score}`);
        return amend({ op: "prepend", header: "X-Spam-Score", value: String(score) }, SpamScore.set(score));
      },
    },
  }),
});

/** An alias map: one recipient in, its targets out; the core recurses, dedupes and guards against loops. */
export const aliases = definePlugin({
  name: "alias-example",
  api: 1,
  config: Type.Object({ aliases: Type.Record(Type.String(), Type.Array(Type.String()), { default: {} }) }),
  setup({ config }) {
    const targets = (address: Address) => config.aliases[String(address)];
    return {
      hooks: {
        destination: (_, { address }) => (targets(address) ? accept("alias") : proceed),
        expand({ address }) {
          const to = targets(address);
          return to
            ? expanded(
                to.map((raw) => ({ address: { localPart: raw.split("@")[0] ?? "", domain: raw.split("@")[1] ?? "" } })),
              )
            : proceed;
        },
      },
    };
  },
});

/** A delivery: each recipient is settled durably, one by one. */
interface Accounts {
  find(address: Address, call: { signal: AbortSignal }): Promise<Account | null>;
}
interface MailboxStore {
  append(account: Account, content: import("node:stream").Readable): Promise<void>;
}
const Accounts = defineService<Accounts>("postern/accounts@1");
const MailboxStore = defineService<MailboxStore>("postern/mailbox-store@1");
export const local = definePlugin({
  name: "deliver-example",
  api: 1,
  needs: { accounts: Accounts, store: MailboxStore },
  setup: ({ needs }) => ({
    hooks: {
      async deliver(delivery, call) {
        if (delivery.route.transport !== "local") return proceed;
        for (const recipient of delivery.recipients) {
          const account = await needs.accounts.find(recipient.address, call);
          if (!account) continue;
          await needs.store.append(account, delivery.message.content());
          await delivery.settle(recipient, {
            at: "delivered",
            reply: { code: 250, status: "2.0.0", text: "kept", host: null },
          });
        }
        return proceed;
      },
    },
  }),
});

/** A directory with a service of its own, and what `postern check` should say about it. */
interface Phonebook {
  numberOf(login: string): string | undefined;
}
const Phonebook = defineService<Phonebook>("acme/phonebook@1");
export const directory = definePlugin({
  name: "directory-phonebook",
  api: 1,
  config: Type.Object({ numbers: Type.Record(Type.String(), Type.String(), { default: {} }) }),
  provides: { phonebook: Phonebook },
  setup({ config, clock }) {
    const numbers = new Map(Object.entries(config.numbers));
    return {
      provides: { phonebook: { numberOf: (login) => numbers.get(login) } },
      hooks: {
        findDomain: ({ domain }) => (domain === "example.org" ? accept("ours") : proceed),
        findAccount: (query) =>
          "login" in query && numbers.has(query.login)
            ? found({ login: query.login, addresses: [], home: `/home/${query.login}`, quotaBytes: null })
            : proceed,
        authFailed(session, login) {
          numbers.set(`${session.remote.address} ${login ?? ""}`, String(clock.now()));
        },
      },
      check: async () => (numbers.size > 0 ? [] : [{ severity: "warning" as const, text: "nobody is in the book" }]),
    };
  },
});

/** A protocol: core listens, limits and encrypts; the plugin gets connections. Needs of others may be missing. */
export const finger = definePlugin({
  name: "access-finger",
  api: 1,
  needs: { phonebook: optional(Phonebook) },
  serves: ["finger"],
  setup: ({ needs }) => ({
    serve: {
      async finger(connection) {
        const line = await connection.reader.line(512);
        await connection.write(`${needs.phonebook?.numberOf(String(line ?? "")) ?? "unknown"}\r\n`);
        connection.close();
      },
    },
  }),
});

/** Whoever signs, routes and files answers with values as well. */
export const rest = definePlugin({
  name: "filter-rest",
  api: 1,
  setup: () => ({
    hooks: {
      sign: async (envelope, { headers }) =>
        headers.get("dkim-signature") || envelope.origin === "bounce"
          ? proceed
          : amend({ op: "prepend", header: "DKIM-Signature", value: "v=1;\r\n b=..." }),
      route: ({ address }) => (address.domain === "example.com" ? routed("smtp", "relay.example.com") : proceed),
      fileInto: (_recipient, { message }) =>
        message.headers.get("list-id") ? filed({ do: "fileInto", mailbox: "Lists", create: true }) : proceed,
      credentials: ({ login }) => (login === "ann" ? stored({ login }, ["{SSHA512}..."]) : proceed),
      auth: (attempt) => (attempt.kind === "token" ? authenticated({ login: attempt.login ?? "ann" }) : proceed),
      messageFor: (_envelope, _message, { notify }) => (notify.has("never") ? discard("nobody waits for it") : proceed),
      disconnect() {},
    },
  }),
});
