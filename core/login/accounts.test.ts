import { expect, it } from "vitest";
import { definePlugin } from "../kernel/define.ts";
import { defer, expanded, found, proceed, reject } from "../kernel/verdicts.ts";
import { kernelOf } from "../testing/kernel.ts";
import { addressOf } from "../testing/mail.ts";
import { createAccounts } from "./accounts.ts";

/** ann has a mailbox; sales is an alias, dead one that leads nowhere; slow and away cannot be told now. */
const directory = definePlugin({
  name: "directory-fixture",
  api: 1,
  setup: () => ({
    hooks: {
      findAccount(query) {
        if (!("address" in query)) return proceed;
        if (query.address.localPart === "away") return defer("The directory is away");
        if (query.address.localPart !== "ann") return proceed;
        return found({ login: "ann", addresses: [query.address], home: "/nowhere", quotaBytes: null });
      },
      expand({ address }) {
        if (address.localPart === "sales") return expanded([{ address: addressOf("ann@example.org") }]);
        if (address.localPart === "dead") return reject("Nobody there");
        return address.localPart === "slow" ? defer("The table is away") : proceed;
      },
    },
  }),
});

it.each([
  ["ann", "known"],
  ["ann+lists", "known"],
  ["sales", "known"],
  ["dead", "unknown"],
  ["bob", "unknown"],
  ["slow", "unavailable"],
  ["away", "unavailable"],
])("knows of %s@example.org: %s", async (localPart, answer) => {
  const accounts = createAccounts(await kernelOf(directory), "+");
  expect(await accounts.knows(addressOf(`${localPart}@example.org`))).toBe(answer);
});
