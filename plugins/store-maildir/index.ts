/** store-maildir: mailboxes as Maildir++ directories in Dovecot's dialect. */
import {
  AccountAdmins,
  definePlugin,
  MailboxIndex,
  MailboxStore,
  Notifier,
  optional,
  Quotas,
  Type,
} from "postern/plugin";
import { CheckEvery, DEFAULT_UNIQUE_IDS, UsualUses } from "postern/store";
import { FileSystemSync } from "./file-system-sync.ts";
import { findings } from "./findings.ts";
import { MaildirStore } from "./store.ts";

export default definePlugin({
  name: "store-maildir",
  api: 1,
  config: Type.Object({
    path: Type.String({
      default: "{home}/Maildir/",
      pattern: "/$",
      description:
        "Where an account's INBOX is; {user}, {domain}, {home} stand for the account. Ends in / (a Maildir).",
    }),
    layout: Type.Union([Type.Literal("maildir++"), Type.Literal("fs")], {
      default: "maildir++",
      description:
        "How folders stand on disk: `maildir++`: `Lists/Node` is the directory `.Lists.Node`; `fs`: it is `Lists/Node` (Dovecot's LAYOUT=fs). INBOX is the Maildir itself.",
      expected: "maildir++ or fs",
    }),
    folderNames: Type.Union([Type.Literal("utf-7"), Type.Literal("utf-8")], {
      default: "utf-7",
      description:
        "How the names of new folders are written on disk: modified UTF-7, or UTF-8 (Dovecot's UTF-8 in mail_location). Both are read.",
      expected: "utf-7 or utf-8",
    }),
    escapeCharacter: Type.String({
      default: "",
      pattern: "^[!#$%^*+=|\\\\]?$",
      description:
        "With it, folder names may hold what directories cannot: `\\` writes `a.b` as `a\\2eb`, as Dovecot's plugin listescape does.",
      expected: "one of ! # $ % ^ * + = | \\, or nothing",
    }),
    specialUse: UsualUses,
    maxWatches: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 4096,
      description: "Directories watched by inotify in one process; mailboxes beyond are only checked now and then.",
    }),
    flush: Type.Union([Type.Literal("together"), Type.Literal("each")], {
      default: "together",
      description:
        "How new mail gets onto the disk: `together`: with more than a few messages at a time the file system is flushed as a whole (syncfs(2), called by a small program that stays: Perl, or a shell with sync(1)); `each`: every file by itself, for a file system on which others write a lot.",
    }),
    uniqueIds: Type.String({
      default: DEFAULT_UNIQUE_IDS,
      description:
        "POP3's unique-ids, as in Dovecot's pop3_uidl_format: %u (UID), %v (UIDVALIDITY), %f (file name), %g (GUID), %m (MD5 of the header), with a width and X for hexadecimal.",
    }),
    checkEvery: CheckEvery,
  }),
  needs: {
    admins: optional(AccountAdmins),
    index: optional(MailboxIndex),
    notifier: optional(Notifier),
    quotas: optional(Quotas),
  },
  provides: { store: MailboxStore },
  setup({ config, needs, log, clock, configDir }) {
    const sync = config.flush === "together" ? new FileSystemSync() : null;
    const layout = { kind: config.layout, encoding: config.folderNames, mark: config.escapeCharacter };
    const store = new MaildirStore({
      ...{ ...config, layout },
      ...(sync && { syncFileSystem: (path: string) => sync.sync(path) }),
      ...{
        configDir,
        log,
        clock,
        index: needs.index ?? null,
        notifier: needs.notifier ?? null,
        quotas: needs.quotas ?? null,
      },
    });
    const checked = { ...config, configDir, layout };
    return {
      provides: { store },
      check: () => findings(checked, needs.admins ?? null),
      async stop() {
        store.stop();
        sync?.close();
      },
    };
  },
});
