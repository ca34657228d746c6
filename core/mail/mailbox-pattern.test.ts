import { expect, it } from "vitest";
import { mailboxMatcher } from "./mailbox-pattern.ts";

it.each([
  ["Trash", "Trash", true],
  ["Trash", "Trash/old", false],
  ["Trash", "trash", false],
  ["inbox", "INBOX", true],
  ["INBOX", "inbox", true],
  ["INBOX/%", "Inbox/lists", true],
  ["*", "a/b/c", true],
  ["%", "a/b", false],
  ["%", "a", true],
  ["Archive/*", "Archive/2024/01", true],
  ["Archive/*", "Archive", false],
  ["Archive/%", "Archive/2024/01", false],
  ["*/Spam", "lists/a/Spam", true],
  ["a.c", "abc", false],
  ["a+(b)[c]", "a+(b)[c]", true],
  ["*%*", "a/b", true],
  ["Entwürfe*", "Entwürfe 2", true],
  ["*", "with\na line", true],
])("%s takes %s: %s", (pattern, name, expected) => {
  expect(mailboxMatcher(pattern)(name)).toBe(expected);
});
