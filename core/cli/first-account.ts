/**
 * For a server that is tried out: `firstAccount` of the config is made where there is no account at all, and its password is
 * shown this once, with commands that send a message and read it again.
 */
import { randomBytes } from "node:crypto";
import type { ListenerConfig, ServerConfig } from "../app/config/server-config.ts";
import { exitCodes } from "../kernel/exit-codes.ts";
import { CommandError } from "./command-error.ts";
import { openOfflineKernel } from "./offline-kernel.ts";
import type { Terminal } from "./terminal.ts";

/** Throws a `CommandError` if no directory of this config can keep the account. */
export async function makeFirstAccount(config: ServerConfig, terminal: Terminal): Promise<void> {
  const address = config.firstAccount;
  if (address === null) return;
  const { kernel, admins } = await openOfflineKernel(config);
  try {
    const listed = await Promise.all(admins.all.map((admin) => admin.list()));
    if (listed.some((accounts) => accounts.length > 0)) return;
    const admin = admins.all.find((one) => one.serves(address.domain));
    if (!admin) {
      throw new CommandError(`firstAccount: no directory keeps accounts of ${address.domain}`, exitCodes.config);
    }
    const password = randomBytes(12).toString("base64url");
    const change = await admin.add(address, password);
    if (change.at === "refused") throw new CommandError(`firstAccount: ${change.text}`, exitCodes.dataError);
    terminal.err.write(welcome(String(address), password, config.listeners));
  } finally {
    await kernel.stop();
  }
}

function welcome(address: string, password: string, listeners: readonly ListenerConfig[]): string {
  const lines = [
    `This is the first start: the account ${address} was made.`,
    "",
    `    login     ${address}`,
    `    password  ${password}`,
    "",
    `The password is shown only now; \`postern account passwd ${address}\` sets another one.`,
  ];
  const user = `--user '${address}:${password}'`;
  const sending = urlOf(listeners, "submission", "smtp");
  const reading = urlOf(listeners, "imap", "imap");
  if (sending !== null) {
    lines.push("", "Once it is ready, send a message:", "");
    lines.push(`    printf 'From: ${address}\\nTo: ${address}\\nSubject: Hello\\n\\nIt works.\\n' |`);
    lines.push(
      `      curl --insecure ${user} --mail-from ${address} --mail-rcpt ${address} --upload-file - '${sending}'`,
    );
  }
  if (reading !== null) {
    lines.push("", "and read it:", "", `    curl --insecure ${user} '${reading}/INBOX;MAILINDEX=1'`);
  }
  return `\n${lines.join("\n")}\n\n`;
}

/** A listener with TLS from the first byte, so that the command is the shortest. */
function urlOf(listeners: readonly ListenerConfig[], role: string, scheme: string): string | null {
  for (const { place, tls, role: spoken } of listeners) {
    if (spoken !== role || tls !== "implicit" || place.at !== "port") continue;
    return `${scheme}s://${place.host ?? "127.0.0.1"}:${place.port}`;
  }
  return null;
}
