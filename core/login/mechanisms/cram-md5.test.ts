import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { definePlugin } from "../../kernel/define.ts";
import { proceed, stored } from "../../kernel/verdicts.ts";
import { loginsOf, sessionWith } from "../../testing/login.ts";

const directory = definePlugin({
  name: "directory-test",
  api: 1,
  setup: () => ({
    hooks: {
      credentials: ({ login }) => {
        if (login === "tim") return stored({ login }, ["{SHA}x", "{PLAIN}tanstaaftanstaaf"]);
        return login === "hash" ? stored({ login }, ["{SHA256}x"]) : proceed;
      },
    },
  }),
});
const started = () =>
  loginsOf({ plugins: [directory], hostname: "mx.example.org", offer: { mechanisms: ["PLAIN"], cramMd5: true } });

describe("CRAM-MD5", () => {
  it("is off unless it is switched on", async () => {
    const off = await loginsOf({ plugins: [directory] });
    expect(off.logins.mechanisms(sessionWith({}))).not.toContain("CRAM-MD5");
    expect((await started()).logins.mechanisms(sessionWith({}))).toEqual(["PLAIN", "CRAM-MD5"]);
  });

  it.each([
    ["tim", "tanstaaftanstaaf", "success"],
    ["tim", "wrong", "invalid"],
    ["hash", "tanstaaftanstaaf", "invalid"],
    ["nobody", "tanstaaftanstaaf", "invalid"],
  ])("%s with %s: %s", async (login, password, expected) => {
    const { logins, told } = await started();
    const { step, conversation } = await logins.begin(sessionWith({}), "CRAM-MD5", null);
    const challenge = step.at === "challenge" ? Buffer.from(step.data) : Buffer.alloc(0);
    expect(challenge.toString()).toMatch(/^<[0-9a-f]{32}\.\d+@mx\.example\.org>$/);
    const digest = createHmac("md5", password).update(challenge).digest("hex");
    const end = await conversation.next(Buffer.from(`${login} ${digest}`));
    expect(end.at === "failure" ? end.cause : end.at).toBe(expected);
    expect(told).toEqual([expected === "success" ? ["login", login] : ["authFailed", login, null]]);
  });

  it.each(["", "tim", "tim abc", `tim ${"G".repeat(32)}`, ` ${"0".repeat(32)}`, `t\u0000m ${"0".repeat(32)}`])(
    "%j is malformed",
    async (text) => {
      const { logins } = await started();
      const { conversation } = await logins.begin(sessionWith({}), "CRAM-MD5", null);
      expect(await conversation.next(Buffer.from(text))).toMatchObject({ cause: "malformed" });
    },
  );

  it("takes no initial response", async () => {
    const { logins } = await started();
    expect((await logins.begin(sessionWith({}), "CRAM-MD5", Buffer.from("x"))).step).toMatchObject({
      cause: "malformed",
    });
  });
});
