import { expect, it } from "vitest";
import { splitExtension } from "./extension.ts";

it.each([
  ["user+lists", "+", "user", "+lists"],
  ["user+a+b", "+", "user", "+a+b"],
  ["user-a+b", "+-", "user", "-a+b"],
  ["user_a", "+-", "user_a", ""],
  ["user+", "+", "user", "+"],
  ["+user", "+", "+user", ""],
  ["++user", "+", "+", "+user"],
  ["user+lists", "", "user+lists", ""],
  ["owner-list", "-", "owner-list", ""],
  ["list-request", "-", "list-request", ""],
  ["owner+list", "+", "owner", "+list"],
  ["MAILER-DAEMON", "-", "MAILER-DAEMON", ""],
  ["Postmaster", "m", "Postmaster", ""],
  ["", "+", "", ""],
])("%s is split at %j into %s and %s", (localPart, delimiters, bare, extension) => {
  expect(splitExtension(localPart, delimiters)).toEqual({ bare, extension });
});
