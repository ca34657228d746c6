import { expect, it } from "vitest";
import type { AccountAnswer } from "../../contracts/account.ts";
import type { SharedRoot, SharingOptions } from "../../sharing/sharing-options.ts";
import { checkSharing } from "./sharing.ts";

const answers: Readonly<Record<string, AccountAnswer>> = {
  ann: { at: "found", account: { login: "ann", addresses: [], home: "/home/ann", quotaBytes: null } },
  ANN: { at: "found", account: { login: "ann", addresses: [], home: "/home/ann", quotaBytes: null } },
  away: { at: "unavailable", reason: "no answer" },
};
const accounts = { byLogin: async (login: string) => answers[login] ?? ({ at: "unknown" } as const) };

it.each<[SharedRoot, readonly object[]]>([
  [{ at: "account", login: "ann" }, []],
  [{ at: "home", home: "/srv/forms" }, []],
  [{ at: "account", login: "nobody" }, [{ severity: "error", about: "sharing.mailboxes.team" }]],
  [{ at: "account", login: "ANN" }, [{ severity: "error", text: "this account is called ann" }]],
  [{ at: "account", login: "away" }, [{ severity: "warning", text: "away cannot be looked up now: no answer" }]],
])("says whether what is shared is there: %j", async (root, findings) => {
  const sharing = { roots: new Map([["team", root]]) } as Partial<SharingOptions> as SharingOptions;
  expect(await checkSharing({ sharing }, { accounts })).toMatchObject(findings);
});
