/** `postern/store`: what makers of mailbox stores share, beside `postern/plugin` and `postern/mail`. */
export * from "../mailbox-files/annotations.ts";
export * from "../mailbox-files/changes.ts";
export * from "../mailbox-files/crlf.ts";
export * from "../mailbox-files/dotlock.ts";
export * from "../mailbox-files/errors.ts";
export * from "../mailbox-files/mailbox-path.ts";
export * from "../mailbox-files/mutex.ts";
export * from "../mailbox-files/name-watcher.ts";
export * from "../mailbox-files/notes.ts";
export * from "../mailbox-files/permissions.ts";
export * from "../mailbox-files/small-file.ts";
export * from "../mailbox-files/snapshot.ts";
export * from "../mailbox-files/special-use.ts";
export * from "../mailbox-files/subscriptions.ts";
export * from "../mailbox-files/survey-cache.ts";
export * from "../mailbox-files/unique-ids.ts";
export * from "../mailbox-files/watcher.ts";
