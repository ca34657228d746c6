/** A plugin for tests of the SMTP room: example.org with a few users, logins by the hook `auth`, and somebody picky. */
import { definePlugin } from "../kernel/define.ts";
import { accept, authenticated, defer, found, proceed, reject } from "../kernel/verdicts.ts";

const LOCAL_PARTS = new Set(["user", "other", "picky", "postmaster", "two words", "j\u00f6rg"]);

/** Password "secret" is right, "later" cannot be told now. */
export const fixture = definePlugin({
  name: "directory-fixture",
  api: 1,
  setup: () => ({
    hooks: {
      findDomain: ({ domain }) => (domain === "example.org" ? accept("local") : proceed),
      findAccount: (query) => {
        if (!("address" in query)) return proceed;
        const { localPart, domain } = query.address;
        if (domain !== "example.org" || !LOCAL_PARTS.has(localPart.toLowerCase())) return proceed;
        return found({
          login: `${localPart}@${domain}`,
          addresses: [query.address],
          home: "/nowhere",
          quotaBytes: null,
        });
      },
      auth: (attempt) => {
        if (attempt.kind !== "password" || attempt.login !== "user@example.org") return proceed;
        if (attempt.password === "later") return defer("The back end is away");
        return attempt.password === "secret" ? authenticated({ login: attempt.login }) : proceed;
      },
      messageFor: (_envelope, _message, recipient) =>
        recipient.address.localPart === "picky" ? reject("Picky wants none of this") : proceed,
    },
  }),
});
