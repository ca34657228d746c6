/** An IMAP server as a source, through imapflow, which is loaded when it is needed. Everything is read with PEEK: nothing there becomes \Seen. */

import type { SpecialUse } from "../../../contracts/mailbox-store.ts";
import { exitCodes } from "../../../kernel/exit-codes.ts";
import { CommandError } from "../../command-error.ts";
import type { OpenSource, Source, SourceMessage } from "./source.ts";

export interface ImapPlace {
  readonly host: string;
  readonly port: number;
  /** `implicit`: TLS from the first octet; `starttls`: it must be had; `none`: in clear. */
  readonly tls: "implicit" | "starttls" | "none";
  readonly user: string;
  readonly password: string;
  /** Take any certificate. */
  readonly isInsecure: boolean;
}

const USES: ReadonlySet<string> = new Set<SpecialUse>([
  "\\All",
  "\\Archive",
  "\\Drafts",
  "\\Flagged",
  "\\Important",
  "\\Junk",
  "\\Sent",
  "\\Trash",
]);

export async function imapSource(place: ImapPlace): Promise<Source> {
  const { ImapFlow } = await import("imapflow");
  const { host, port, tls, user, password, isInsecure } = place;
  const client = new ImapFlow({
    host,
    port,
    secure: tls === "implicit",
    ...(tls !== "implicit" && { doSTARTTLS: tls === "starttls" }),
    auth: { user, pass: password },
    logger: false,
    ...(isInsecure && { tls: { rejectUnauthorized: false } }),
  });
  // What goes wrong is said by the call that it hits.
  client.on("error", () => undefined);
  await client.connect().catch((cause: unknown) => {
    throw refused(place, cause);
  });
  return {
    id: `imap://${user}@${host}:${port}`,
    async folders() {
      const listed = await client.list();
      return listed
        .filter(({ flags }) => !flags.has("\\Noselect") && !flags.has("\\NonExistent"))
        .map(({ path, delimiter, specialUse = "", subscribed }) => ({
          name: plainName(path, delimiter),
          specialUse: USES.has(specialUse) ? (specialUse as SpecialUse) : null,
          isSubscribed: subscribed === true,
        }));
    },
    async open(name) {
      const listed = (await client.list()).find(({ path, delimiter }) => plainName(path, delimiter) === name);
      await client.mailboxOpen(listed?.path ?? name, { readOnly: true });
      return openFolder();
    },
    close: () => client.logout().catch(() => client.close()),
  };

  async function openFolder(): Promise<OpenSource> {
    const { mailbox } = client;
    if (!mailbox) throw new Error("the server closed the mailbox");
    const messages: SourceMessage[] = [];
    if (mailbox.exists > 0) {
      const query = { uid: true, flags: true, internalDate: true, size: true };
      for await (const { uid, flags, internalDate, size } of client.fetch("1:*", query)) {
        messages.push({
          key: String(uid),
          uid,
          flags: [...(flags ?? [])].filter((flag) => flag.toLowerCase() !== "\\recent"),
          internalDate: internalDate === undefined ? null : new Date(internalDate).getTime(),
          sizeBytes: size ?? 0,
        });
      }
    }
    return {
      uidValidity: Number(mailbox.uidValidity),
      uidNext: mailbox.uidNext,
      messages: messages.sort((a, b) => (a.uid ?? 0) - (b.uid ?? 0)),
      async read(wanted) {
        const contents = new Map<string, Buffer>();
        const set = wanted.map(({ uid }) => uid).join(",");
        for await (const { uid, source } of client.fetch(set, { uid: true, source: true }, { uid: true })) {
          if (source) contents.set(String(uid), withCrlf(source));
        }
        return contents;
      },
      close: async () => {
        await client.mailboxClose();
      },
    };
  }
}

const plainName = (path: string, delimiter: string): string => {
  const name = delimiter === "" || delimiter === "/" ? path : path.split(delimiter).join("/");
  return name.replace(/^inbox(?=\/|$)/i, "INBOX");
};

/** RFC 3501 has CRLF throughout; some servers hand out what lies in their files. */
function withCrlf(content: Buffer): Buffer {
  for (let at = content.indexOf(10); at >= 0; at = content.indexOf(10, at + 1)) {
    if (at === 0 || content[at - 1] !== 13) {
      return Buffer.from(content.toString("latin1").replace(/\r?\n/g, "\r\n"), "latin1");
    }
  }
  return content;
}

function refused({ host, port, user }: ImapPlace, cause: unknown): CommandError {
  const { authenticationFailed, responseText, message } = cause as Record<string, unknown>;
  if (authenticationFailed === true) {
    return new CommandError(
      `${host} does not let ${user} in: ${String(responseText ?? message)}`,
      exitCodes.noPermission,
      { cause },
    );
  }
  return new CommandError(`${host}:${port} cannot be used: ${String(responseText ?? message)}`, exitCodes.unavailable, {
    cause,
  });
}
