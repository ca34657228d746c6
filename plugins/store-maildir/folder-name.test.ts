import { expect, it } from "vitest";
import { canonicalName, directoryOf, type Layout, nameOf, otherDirectoryOf } from "./folder-name.ts";

const layouts: Readonly<Record<string, Layout>> = {
  plus7: { kind: "maildir++", encoding: "utf-7", mark: "" },
  plus8: { kind: "maildir++", encoding: "utf-8", mark: "" },
  escape7: { kind: "maildir++", encoding: "utf-7", mark: "\\" },
  fs7: { kind: "fs", encoding: "utf-7", mark: "" },
  fs8: { kind: "fs", encoding: "utf-8", mark: "" },
  fsEscape: { kind: "fs", encoding: "utf-8", mark: "\\" },
};
const layout = (key: string): Layout => layouts[key] ?? { kind: "fs", encoding: "utf-7", mark: "" };
const isRefused = (work: () => unknown): boolean => {
  try {
    work();
    return false;
  } catch (cause) {
    return (cause as { code?: unknown }).code === "cannot";
  }
};

// As Dovecot 2.3 writes them.
it.each([
  ["plus7", "INBOX", ""],
  ["plus7", "Lists/Node", ".Lists.Node"],
  ["plus7", "INBOX/sub", ".INBOX.sub"],
  ["plus7", "Ümlaut & x", ".&ANw-mlaut &- x"],
  ["plus8", "Ümlaut & x/ä", ".Ümlaut & x.ä"],
  ["escape7", "a.b/c\\d", ".a\\2eb.c\\5cd"],
  ["escape7", "ü.ä", ".&APw-\\2e&AOQ-"],
  ["escape7", "~x", ".\\7ex"],
  ["escape7", "x/~y", ".x.\\7ey"],
  ["escape7", "a\\2fb", ".a\\2fb"],
  ["fs7", "A/B", "A/B"],
  ["fs7", "a.b", "a.b"],
  ["fs7", ".foo", ".foo"],
  ["fs7", "INBOX/x", "INBOX/x"],
  ["fs7", "Ümlaut & x", "&ANw-mlaut &- x"],
  ["fs8", "Ümlaut & x/ä.b", "Ümlaut & x/ä.b"],
  ["fsEscape", "~x/a\\b", "\\7ex/a\\5cb"],
])("%s: %s is the directory %j, and the other way round", (key, name, directory) => {
  expect(canonicalName(name, layout(key))).toBe(name);
  expect(directoryOf(name, layout(key))).toBe(directory);
  if (name !== "INBOX") expect(nameOf(directory, layout(key))).toBe(name);
});

it.each([
  ["plus7", ".Ümlaut", "Ümlaut"],
  ["plus7", ".R&D", "R&D"],
  ["plus8", ".&ANw-mlaut", "Ümlaut"],
  ["plus8", ".R&-D", "R&-D"],
  ["fs8", "&ANw-mlaut/x", "Ümlaut/x"],
])("%s: reads %s of a program with the other setting as %s", (key, directory, name) => {
  expect(nameOf(directory, layout(key))).toBe(name);
  const usual = directoryOf(name, layout(key));
  if (usual !== directory) expect(otherDirectoryOf(name, layout(key))).toBe(directory);
});

it.each([
  ["plus7", "a.b"],
  ["plus7", "~x"],
  ["plus7", "x/~y"],
  ["plus8", "&APw-"],
  ["fs7", "a/../b"],
  ["fs7", "."],
  ["fs7", "cur"],
  ["fs7", "A/tmp"],
  ["fs7", "subscriptions"],
  ["fs7", "dovecot-uidlist"],
  ["fs7", "x".repeat(300)],
  ["fs8", "a\ufffdb"],
  ["escape7", ".."],
])("%s: has no place for %s", (key, name) => {
  expect(isRefused(() => directoryOf(canonicalName(name, layout(key)), layout(key)))).toBe(true);
});

it.each([
  ["plus7", "cur"],
  ["plus7", "..DOVECOT-TRASHED"],
  ["plus7", ".INBOX"],
  ["plus7", "."],
  ["fs7", "A/cur"],
  ["fs7", "INBOX"],
  ["fs7", "a\ufffd"],
])("%s: the directory %s is no mailbox", (key, directory) => {
  expect(nameOf(directory, layout(key))).toBeNull();
});
