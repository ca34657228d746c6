/**
 * policy-quota: mail for an account that is full is refused while its sender is still there, instead of being accepted and given back
 * later. How much an account may keep is the key `quota` of the config, and its directory. An account that cannot be looked at defers.
 */
import {
  Accounts,
  type Defer,
  definePlugin,
  Exempt,
  exemptionOf,
  fillText,
  Gravity,
  MailboxStore,
  proceed,
  type QuotaState,
  type Recipient,
  type Reject,
  refuse,
  Type,
} from "postern/plugin";

export default definePlugin({
  name: "policy-quota",
  api: 1,
  needs: { accounts: Accounts, store: MailboxStore },
  config: Type.Object({
    full: Gravity("defer", "What is said when nothing more fits into the mailbox: 452 or 552 at RCPT."),
    tooLarge: Gravity(
      "reject",
      "The same when this message does not fit: by the SIZE that the client declares, and behind the content of LMTP and of messages for one recipient.",
    ),
    exempt: Exempt(),
    texts: Type.Object({
      full: Type.String({ default: "<{recipient}>: The mailbox is full" }),
      tooLarge: Type.String({ default: "<{recipient}>: The message does not fit into the mailbox any more" }),
    }),
  }),
  setup({ config, needs }) {
    const exemption = exemptionOf({ ...config.exempt, authenticated: false });
    const isExempt = (session: Parameters<typeof exemption>[0]): boolean =>
      session === null ||
      // LMTP answers for each recipient, which is what this is for.
      (session.protocol !== "lmtp" && exemption(session)) ||
      (config.exempt.authenticated && session.identity !== null);

    const judge = async (recipient: Recipient, sizeBytes: number): Promise<Reject | Defer | null> => {
      const answer = await needs.accounts.byAddress(recipient.address);
      // Whoever is no account has no quota; a directory that cannot answer is core's matter.
      if (answer.at !== "found") return null;
      const state = await (await needs.store.of(answer.account)).quota();
      if (state === null) return null;
      const which = state.isFull ? "full" : fits(state, sizeBytes) ? null : "tooLarge";
      if (which === null || config[which] === "off") return null;
      const text = fillText(config.texts[which], { recipient: String(recipient.address) });
      // RFC 3463 3.3: X.2.2 Mailbox full
      return refuse(config[which], text, { code: config[which] === "reject" ? 552 : 452, detail: "2.2" });
    };

    return {
      hooks: {
        rcptTo: ({ session, declaredSizeBytes = 0 }, recipient) =>
          isExempt(session) ? proceed : judge(recipient, declaredSizeBytes).then((refusal) => refusal ?? proceed),
        messageFor(envelope, message, recipient) {
          const { session, recipients } = envelope;
          // Where one reply speaks for several recipients, those who have room must not suffer.
          const isOwnReply = session?.protocol === "lmtp" || recipients.length === 1;
          if (isExempt(session) || !isOwnReply) return proceed;
          return judge(recipient, message.sizeBytes).then((refusal) => refusal ?? proceed);
        },
      },
    };
  },
});

const fits = ({ usage, hard }: QuotaState, sizeBytes: number): boolean =>
  (hard.bytes === null || usage.bytes + sizeBytes <= hard.bytes) &&
  (hard.messages === null || usage.messages + 1 <= hard.messages);
