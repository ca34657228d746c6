/** `postern mailbox import`: mail from mbox files, a Maildir or another server is added to an account. Run again, it brings what is new. */
import type { Terminal } from "../terminal.ts";
import { withAccounts } from "./accounts.ts";
import { openSource } from "./transfer/places.ts";
import { passwordsOf, runTransfer, type TransferCommandOptions } from "./transfer/run.ts";
import { storeTarget } from "./transfer/store-target.ts";

export async function importMail(
  login: string,
  place: string,
  options: TransferCommandOptions,
  terminal: Terminal,
): Promise<void> {
  const password = passwordsOf(options, terminal);
  await withAccounts([login], options, terminal, async ([one], room) => {
    if (!one) return;
    const open = async (places: Parameters<typeof openSource>[1]) => {
      const { note, isBeyondQuota } = places;
      const target = storeTarget(`account:${login}`, one.mail, { close: async () => {}, note, isBeyondQuota });
      return { source: await openSource(place, places), target };
    };
    await runTransfer({ verb: "import", one, options, follow: false, password, open }, room, terminal);
  });
}
