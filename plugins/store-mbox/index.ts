/** store-mbox: mailboxes as mbox files, shared with other programs of the machine: mutt, Dovecot, Postfix, procmail. */
import {
  definePlugin,
  type Finding,
  MailboxIndex,
  MailboxStore,
  Notifier,
  optional,
  Quotas,
  Type,
} from "postern/plugin";
import { CheckEvery, DEFAULT_UNIQUE_IDS, faultInFormat, UsualUses } from "postern/store";
import { whyNoKernelLocks } from "./kernel-locks.ts";
import { MboxStore } from "./store.ts";

const Lock = Type.Union([
  Type.Literal("fcntl"),
  Type.Literal("flock"),
  Type.Literal("dotlock"),
  Type.Literal("dotlock-try"),
]);

export default definePlugin({
  name: "store-mbox",
  api: 1,
  config: Type.Object({
    path: Type.String({
      default: "{home}/mail/",
      pattern: "/$",
      description:
        "Directory of an account's mailboxes; {user}, {domain}, {home} stand for the account. Relative to the config file. Ends in /.",
    }),
    inbox: Type.String({
      default: "/var/mail/{user}",
      pattern: "[^/]$",
      description: "File of the INBOX, with the same placeholders.",
    }),
    quoting: Type.Union([Type.Literal("mboxrd"), Type.Literal("mboxo"), Type.Literal("none")], {
      default: "mboxrd",
      description:
        "`From ` at the beginning of a line: `mboxrd` puts > in front of it, and of >From, >>From, ..., and takes it away again; `mboxo` does so for `From ` only; `none` leaves lines as they are and goes by Content-Length, as Dovecot and mutt do.",
      expected: "mboxrd, mboxo or none",
    }),
    locks: Type.Array(Lock, {
      default: ["fcntl", "dotlock"],
      minItems: 1,
      description:
        "What all programs that use these files take, in this order: kernel locks (fcntl, flock), and FILE.lock (dotlock; dotlock-try: unless the directory may not be written).",
      expected: "some of fcntl, flock, dotlock, dotlock-try",
    }),
    mode: Type.String({
      default: "0600",
      pattern: "^0?[0-7]{3}$",
      description: "Permissions of files that are made, in octal; 0660 where a group shares them.",
    }),
    specialUse: UsualUses,
    uniqueIds: Type.String({
      default: DEFAULT_UNIQUE_IDS,
      description:
        "POP3's unique-ids, as in Dovecot's pop3_uidl_format: %u (UID), %v (UIDVALIDITY), %m (MD5 of the header), with a width and X for hexadecimal.",
    }),
    reuseXUidl: Type.Boolean({
      default: false,
      description:
        "Messages that come in with an X-UIDL field keep it as their unique-id, as with Dovecot's pop3_reuse_xuidl: for mailboxes of Qpopper and the like. Whoever sends mail may write such a field, too.",
    }),
    maxWatches: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 4096,
      description: "Files watched by inotify in one process; mailboxes beyond are only checked now and then.",
    }),
    checkEvery: CheckEvery,
  }),
  needs: { index: optional(MailboxIndex), notifier: optional(Notifier), quotas: optional(Quotas) },
  provides: { store: MailboxStore },
  setup({ config, needs, log, clock, configDir }) {
    const isShared = config.locks.some((lock) => lock === "fcntl" || lock === "flock");
    const why = isShared ? whyNoKernelLocks() : null;
    if (why !== null) log.error({ why }, "mailboxes cannot be locked as other programs do: none will be opened");
    const store = new MboxStore({
      ...config,
      ...{ mode: Number.parseInt(config.mode, 8), configDir, log, clock },
      ...{ index: needs.index ?? null, notifier: needs.notifier ?? null, quotas: needs.quotas ?? null },
    });
    return {
      provides: { store },
      check: async () => findings(why, config.uniqueIds),
      async stop() {
        store.stop();
      },
    };
  },
});

function findings(why: string | null, uniqueIds: string): Finding[] {
  const found: Finding[] = [];
  const fault = faultInFormat(uniqueIds, ["m"]);
  if (fault !== null) found.push({ severity: "error", text: `uniqueIds: ${fault}` });
  if (why === null) return found;
  const text = `${why}; no mailbox is opened: npm install koffi, or set locks: [dotlock] if that is all that other programs take`;
  return [...found, { severity: "error", text }];
}
