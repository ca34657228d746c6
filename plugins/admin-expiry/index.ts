/**
 * admin-expiry: mail that is kept for a time only (Trash, Junk) is removed when that is over; in the background in one worker, or by
 * `postern mailbox expire`. What cannot be removed now is tried again in the next round; nothing that no rule names is touched.
 */
import {
  AccountAdmins,
  Accounts,
  Duration,
  definePlugin,
  Expiry,
  type Finding,
  KeyValue,
  MailboxStore,
  Type,
} from "postern/plugin";
import { expireAccount } from "./expire.ts";
import { round } from "./round.ts";
import type { RuleOptions } from "./rules.ts";

/** How often to look whether a round is due. */
const LOOK_EVERY_MS = 10 * 60_000;

export default definePlugin({
  name: "admin-expiry",
  api: 1,
  needs: { store: MailboxStore, keyValue: KeyValue, accounts: Accounts, admins: AccountAdmins },
  provides: { expiry: Expiry },
  config: Type.Object({
    rules: Type.Array(
      Type.Object({
        mailbox: Type.String({
          minLength: 1,
          description: "A name or pattern (`*` anything, `%` anything but `/`), or a special use such as `\\Trash`.",
        }),
        after: Duration({ minimum: "1h", description: "Older messages go." }),
        by: Type.Union([Type.Literal("saved"), Type.Literal("received"), Type.Literal("savedOrReceived")], {
          default: "saved",
          description:
            "What counts: when it came into this mailbox, or when it was received. `savedOrReceived`: where the first is not known, the second.",
        }),
        keepFlagged: Type.Boolean({ default: false, description: "Flagged messages stay." }),
        keepUnseen: Type.Boolean({ default: false, description: "Unread messages stay." }),
        keepLatest: Type.Integer({ default: 0, minimum: 0, description: "So many of the latest stay anyway." }),
      }),
      { minItems: 1, description: "The first that fits a mailbox holds for it." },
    ),
    every: Duration({ default: "1d", minimum: "1m", description: "How often all accounts are gone over." }),
    background: Type.Boolean({ default: true, description: "`false`: only the command removes anything." }),
  }),
  setup({ id, config, needs, log, clock }) {
    const rules: readonly RuleOptions[] = config.rules.map(({ after, ...rule }) => ({ ...rule, afterMs: after }));
    const expiry: Expiry = {
      async expire(account, how) {
        return expireAccount(await needs.store.of(account), rules, { ...how, clock });
      },
    };
    const ending = new AbortController();
    let timer: NodeJS.Timeout | null = null;
    let running: Promise<unknown> = Promise.resolve();
    const look = () => {
      running = round({ id, everyMs: config.every, ...needs, expiry, log, clock }, ending.signal)
        .catch((err: unknown) => {
          if (!ending.signal.aborted) log.warn({ err }, "the round was not ended: it is tried again");
        })
        .finally(() => {
          if (!ending.signal.aborted) timer = setTimeout(look, Math.min(LOOK_EVERY_MS, config.every)).unref();
        });
    };
    return {
      provides: { expiry },
      check: async () => findings(rules),
      async start() {
        if (config.background) look();
      },
      async stop() {
        ending.abort();
        if (timer) clearTimeout(timer);
        await running;
      },
    };
  },
});

/** What is hardly meant. */
function findings(rules: readonly RuleOptions[]): readonly Finding[] {
  return rules.flatMap(({ mailbox, by }): readonly Finding[] => {
    if (mailbox === "*" || mailbox === "%" || /^inbox$/i.test(mailbox)) {
      return [{ severity: "warning", text: `a rule removes mail from ${mailbox}: is that meant?` }];
    }
    if (mailbox.startsWith("\\Trash") && by === "received") {
      const text = `${mailbox} by \`received\`: old mail is gone for good as soon as somebody throws it away`;
      return [{ severity: "warning", text }];
    }
    return [];
  });
}
