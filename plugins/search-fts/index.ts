/**
 * search-fts: an index over the text of messages, so that searches read only those that may have what is looked for. It may be deleted at
 * any time; what is damaged is dropped; without it searches are slower, never wrong.
 */
import { isAbsolute, join } from "node:path";
import { definePlugin, FullText, KeyValue, MailboxStore, ServerFacts, Size, Type } from "postern/plugin";
import { findings } from "./findings.ts";
import { FullTextIndex } from "./full-text-index.ts";

export default definePlugin({
  name: "search-fts",
  api: 1,
  config: Type.Object({
    path: Type.String({
      default: "full-text",
      minLength: 1,
      description: "Directory of the index; relative to `dataDir`. Nothing else may be in it.",
    }),
    maxSize: Size({
      default: "2GiB",
      description: "What the index may take; then mailboxes unused for longest leave it.",
    }),
    beginsWith: Type.Union([Type.Literal("search"), Type.Literal("select")], {
      default: "search",
      description:
        "When a mailbox enters the index: with the first search in it, or as soon as somebody opens it. Later it is kept up to date whenever it is open.",
    }),
  }),
  // The store is read through the mailboxes of sessions; it is to stop later than whoever reads it.
  needs: { facts: ServerFacts, keyValue: KeyValue, store: MailboxStore },
  provides: { fullText: FullText },
  setup({ config, needs, log, clock }) {
    const directory = isAbsolute(config.path) ? config.path : join(needs.facts.dataDir, config.path);
    const fullText = new FullTextIndex({
      ...{ directory, ceilingBytes: config.maxSize, beginsWith: config.beginsWith },
      ...{ keyValue: needs.keyValue, log, clock },
    });
    return {
      provides: { fullText },
      check: () => findings(directory, needs.facts.dataDir),
      stop: () => fullText.stop(),
    };
  },
});
