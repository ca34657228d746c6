import { describe, expect, it } from "vitest";
import type { Account, Attempt } from "../../contracts/account.ts";
import { definePlugin } from "../../kernel/define.ts";
import { authenticated, defer, found, proceed, reject } from "../../kernel/verdicts.ts";
import { loginsOf, sessionWith } from "../../testing/login.ts";
import { addressOf } from "../../testing/mail.ts";

const anna: Account = {
  login: "anna@example.org",
  addresses: [addressOf("anna@example.org"), addressOf("a.b@example.org")],
  home: "/data/anna",
  quotaBytes: null,
};
const bob: Account = {
  login: "bob@example.org",
  addresses: [addressOf("bob@example.org")],
  home: "/b",
  quotaBytes: null,
};

/** Tokens are the name of their owner. */
const tokens = (seen: Attempt[] = []) =>
  definePlugin({
    name: "auth-tokens",
    api: 1,
    setup: () => ({
      hooks: {
        auth: (attempt) => {
          seen.push(attempt);
          if (attempt.kind !== "token" || attempt.token === "bad") return proceed;
          if (attempt.token === "away") return defer("The issuer is away");
          return attempt.token === "barred"
            ? reject("Barred")
            : authenticated({ login: `${attempt.token}@example.org` });
        },
        findAccount: (query) => {
          if (!("login" in query)) return proceed;
          if (["anna@example.org", "a.b@example.org"].includes(query.login)) return found(anna);
          return query.login === "bob@example.org" ? found(bob) : proceed;
        },
      },
    }),
  });

async function started(seen?: Attempt[]) {
  const made = await loginsOf({ plugins: [tokens(seen)] });
  made.logins.methods.register({
    methods: () => ["token"],
    hints: { scope: "mail", openidConfiguration: "https://login.example.org/.well-known/openid-configuration" },
  });
  return made;
}

const bearer = (token: string, login?: string) =>
  Buffer.from(`n,${login === undefined ? "" : `a=${login}`},\x01host=mx\x01port=143\x01auth=Bearer ${token}\x01\x01`);
const x2 = (token: string, login: string) => Buffer.from(`user=${login}\x01auth=Bearer ${token}\x01\x01`);

describe("OAUTHBEARER and XOAUTH2", () => {
  it("are offered where a back end takes tokens", async () => {
    const made = await loginsOf({ plugins: [tokens()] });
    expect(made.logins.mechanisms(sessionWith({}))).toEqual(["PLAIN", "LOGIN"]);
    expect((await made.logins.begin(sessionWith({}), "XOAUTH2", null)).step).toMatchObject({ cause: "mechanism" });
    expect((await started()).logins.mechanisms(sessionWith({}))).toEqual(["OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"]);
  });

  it.each([
    ["OAUTHBEARER", bearer("anna"), "anna@example.org"],
    ["OAUTHBEARER", bearer("anna", "anna@example.org"), "anna@example.org"],
    ["OAUTHBEARER", bearer("anna", "ANNA@example.org"), "anna@example.org"],
    ["OAUTHBEARER", bearer("anna", "a.b@example.org"), "anna@example.org"],
    ["OAUTHBEARER", bearer("anna", "bob@example.org"), "invalid"],
    ["OAUTHBEARER", bearer("anna", "nobody@example.org"), "invalid"],
    ["XOAUTH2", x2("anna", "anna@example.org"), "anna@example.org"],
    ["XOAUTH2", x2("anna", "bob@example.org"), "invalid"],
    ["XOAUTH2", x2("barred", "anna@example.org"), "refused"],
  ])("%s: the token says who it is, the client's name is only a wish (%#)", async (mechanism, message, expected) => {
    const { logins } = await started();
    const session = sessionWith({});
    const begun = await logins.begin(session, mechanism, message);
    const step = begun.step.at === "challenge" ? await begun.conversation.next(Buffer.from("\x01")) : begun.step;
    expect(step.at === "failure" ? step.cause : session.identity?.login).toBe(expected);
  });

  it.each([
    [
      "OAUTHBEARER",
      bearer("bad"),
      {
        status: "invalid_token",
        scope: "mail",
        "openid-configuration": "https://login.example.org/.well-known/openid-configuration",
      },
    ],
    ["XOAUTH2", x2("bad", "anna@example.org"), { status: "401", schemes: "bearer", scope: "mail" }],
  ])(
    "%s: a refused client hears why, answers with a dummy, and is told of at once",
    async (mechanism, message, json) => {
      const made = await started();
      const { step, conversation } = await made.logins.begin(sessionWith({}), mechanism, message);
      expect(JSON.parse(step.at === "challenge" ? Buffer.from(step.data).toString() : "null")).toEqual(json);
      expect(made.told).toHaveLength(1);
      expect(await conversation.next(Buffer.from("\x01"))).toMatchObject({ at: "failure", cause: "invalid" });
      expect(made.told).toHaveLength(1);
    },
  );

  it("an issuer that is away is temporary, without a reason in JSON", async () => {
    const made = await started();
    const { step } = await made.logins.begin(sessionWith({}), "OAUTHBEARER", bearer("away"));
    expect(step).toMatchObject({ cause: "unavailable", isTemporary: true });
    expect(made.told).toEqual([]);
  });

  it("tokens reach plugins whole, and no log", async () => {
    const seen: Attempt[] = [];
    const made = await started(seen);
    const token = `eyJ.${"a".repeat(8_000)}.b-_~+/==`;
    await made.logins.begin(sessionWith({}), "OAUTHBEARER", bearer(token, "a=2Cb=3Dc"));
    expect(seen).toEqual([{ kind: "token", login: "a,b=c", authzid: "a,b=c", token }]);
    expect(JSON.stringify(made.lines)).not.toContain("eyJ");
  });

  it.each([
    ["OAUTHBEARER", ""],
    ["OAUTHBEARER", "n,,"],
    ["OAUTHBEARER", "n,,\x01auth=Bearer x\x01"],
    ["OAUTHBEARER", "n,,\x01auth=Bearer \x01\x01"],
    ["OAUTHBEARER", "n,,\x01auth=Basic x\x01\x01"],
    ["OAUTHBEARER", "n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01"],
    ["OAUTHBEARER", "p=tls-exporter,,\x01auth=Bearer x\x01\x01"],
    ["OAUTHBEARER", "n,a=x=y,\x01auth=Bearer x\x01\x01"],
    ["OAUTHBEARER", "n,a=x\ny,\x01auth=Bearer x\x01\x01"],
    ["OAUTHBEARER", `n,,\x01auth=Bearer ${"x".repeat(20_000)}\x01\x01`],
    ["XOAUTH2", "auth=Bearer x\x01\x01"],
    ["XOAUTH2", "user=\x01auth=Bearer x\x01\x01"],
    ["XOAUTH2", "user=a\x01auth=Bearer x y\x01\x01"],
  ])("%s: %j is malformed", async (mechanism, text) => {
    const { logins } = await started();
    expect((await logins.begin(sessionWith({}), mechanism, Buffer.from(text))).step).toMatchObject({
      cause: "malformed",
    });
  });
});
