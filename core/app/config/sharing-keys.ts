/** The key `sharing:` of the config file: mailboxes that several accounts use. */
import { isAbsolute, resolve } from "node:path";
import { type Static, Type } from "typebox";
import type { SharedRoot, SharingOptions } from "../../sharing/sharing-options.ts";

const step = "^[^/\\u0000-\\u001f\\u007f%*\\s][^/\\u0000-\\u001f\\u007f%*]{0,99}$";
const oneStep = { pattern: step, expected: "a name without / % *" };

export const sharingKeys = Type.Object(
  {
    otherUsers: Type.String({
      description:
        "First step of the names of mailboxes that other users share: `Other Users/ann@example.org/Projects`. Empty: nobody can share any.",
      default: "Other Users",
      pattern: `^$|${step}`,
      expected: "a name without / % *, or nothing",
    }),
    prefix: Type.String({
      description: "First step of the names of `mailboxes`: `Shared/sales/INBOX`.",
      default: "Shared",
      ...oneStep,
    }),
    mailboxes: Type.Record(
      Type.String(oneStep),
      Type.Object({
        account: Type.Optional(
          Type.String({ description: "Login of the account whose mailboxes they are.", minLength: 1 }),
        ),
        home: Type.Optional(
          Type.String({
            description: "Directory with mailboxes that are no account's: the store's `{home}`.",
            minLength: 1,
            expected: "a path",
          }),
        ),
      }),
      {
        description:
          "Mailboxes that everybody finds who has rights to them: `sales: { account: sales@example.org }`, or `{ home: DIRECTORY }`.",
        default: {},
      },
    ),
    groups: Type.Record(Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 })), {
      description:
        "Logins by the names of groups that rights can be given to: `staff: [ann@example.org, bob@example.org]`.",
      default: {},
    }),
    shareWithAll: Type.Boolean({
      description: "Mail programs may give rights to everybody (`anyone`, `authenticated`).",
      default: false,
    }),
  },
  { description: "Mailboxes that several accounts use. Rights (RFC 4314) stand beside each mailbox." },
);

export function sharingOptionsOf(keys: Static<typeof sharingKeys>, configDir: string): SharingOptions {
  const roots = new Map<string, SharedRoot>();
  for (const [name, { account, home }] of Object.entries(keys.mailboxes)) {
    if (account !== undefined) roots.set(name, { at: "account", login: account });
    else if (home !== undefined)
      roots.set(name, { at: "home", home: isAbsolute(home) ? home : resolve(configDir, home) });
  }
  return {
    otherUsers: keys.otherUsers === "" ? null : keys.otherUsers,
    shared: keys.prefix,
    roots,
    groups: new Map(Object.entries(keys.groups).map(([name, logins]) => [name, new Set(logins)])),
    mayShareWithAll: keys.shareWithAll,
  };
}

/** What the schema cannot say, each with the path of its key. */
export function sharingSlips(
  keys: Static<typeof sharingKeys>,
): readonly { readonly path: readonly string[]; readonly text: string }[] {
  const slips = Object.entries(keys.mailboxes)
    .filter(([, { account, home }]) => (account === undefined) === (home === undefined))
    .map(([name]) => ({ path: ["sharing", "mailboxes", name], text: "give it either account or home" }));
  const isSame = keys.otherUsers.toLowerCase() === keys.prefix.toLowerCase();
  if (isSame) slips.push({ path: ["sharing", "prefix"], text: "must be another name than otherUsers" });
  for (const key of ["otherUsers", "prefix"] as const) {
    if (/^inbox$/i.test(keys[key])) slips.push({ path: ["sharing", key], text: "INBOX is every account's own" });
  }
  return slips;
}
