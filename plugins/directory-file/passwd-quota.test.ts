import { expect, it } from "vitest";
import { passwdFormat } from "./passwd-format.ts";

const limits = (extra: string) => {
  const [account] = passwdFormat.parse(`ann:{PLAIN}x:::::: ${extra}\n`, "users", ["example.org"]).accounts;
  return { bytes: account?.quotaBytes, messages: account?.quotaMessages };
};

it.each<[string, number | null, number | null]>([
  ["", null, null],
  ["userdb_quota_rule=*:storage=1G", 2 ** 30, null],
  ["quota_rule=*:storage=1024", 2 ** 20, null],
  ["quota_rule=*:bytes=1024", 1024, null],
  ["userdb_quota_rule=*:storage=1G:messages=500", 2 ** 30, 500],
  ["quota_rule=*:messages=500", null, 500],
  ["quota_rule=*:messages=500:storage=1M", 2 ** 20, 500],
  ["quota_rule=Trash:storage=1G", null, null],
  ["quota_rule=*:storage=0", 0, null],
  ["quota_storage_size=2M quota_message_count=10", 2 ** 21, 10],
])("%s", (extra, bytes, messages) => {
  expect(limits(extra)).toEqual({ bytes, messages });
});

it.each([
  ["quota_rule=*:storage=lots", /^users:1: "lots" is no size/],
  ["quota_rule=*:messages=1G", /^users:1: "1G" is no number of messages/],
])("%s is a mistake", (extra, text) => {
  expect(() => limits(extra)).toThrow(text);
});
