/** What a test wants to know of a mailbox, asked over IMAP by imapflow: the way a mail program would. */
import { ImapFlow } from "imapflow";

export interface Login {
  readonly address: string;
  readonly password: string;
}

export function imapClient(port: number, { address, password }: Login): ImapFlow {
  return new ImapFlow({
    host: "127.0.0.1",
    port,
    secure: true,
    auth: { user: address, pass: password },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
}

/** Waits, by IDLE, until a message in INBOX fits. */
export async function arrival(
  port: number,
  login: Login,
  fits: (source: string) => boolean,
  timeoutMs = 120_000,
): Promise<string> {
  const client = imapClient(port, login);
  await client.connect();
  let onExists = () => {};
  client.on("exists", () => onExists());
  const lock = await client.getMailboxLock("INBOX");
  try {
    const deadline = Date.now() + timeoutMs;
    const count = () => (client.mailbox === false ? 0 : client.mailbox.exists);
    for (let from = 1; ; from++) {
      while (from > count()) {
        await new Promise<void>((resolve, reject) => {
          const late = () => reject(new Error("the message did not arrive in time"));
          const timer = setTimeout(late, Math.max(1, deadline - Date.now()));
          onExists = () => {
            clearTimeout(timer);
            resolve();
          };
          void client.idle();
        });
      }
      const message = await client.fetchOne(String(from), { source: true });
      const source = message ? (message.source?.toString("utf8") ?? "") : "";
      if (fits(source)) return source;
    }
  } finally {
    lock.release();
    client.close();
  }
}
