import { describe, expect, it } from "vitest";
import type { Rehash } from "../contracts/verdicts.ts";
import { definePlugin } from "../kernel/define.ts";
import { stored } from "../kernel/verdicts.ts";
import { loginsOf, sessionWith } from "../testing/login.ts";

function directory(secret: string, rehash: Rehash) {
  const held = { secret };
  const plugin = definePlugin({
    name: "directory-test",
    api: 1,
    setup: () => ({ hooks: { credentials: ({ login }) => stored({ login }, [held.secret], rehash) } }),
  });
  return { held, plugin };
}

/** `store` as a real directory does it, and when it is called. */
function storing(secret: string, scheme: Rehash["scheme"] = "ARGON2ID") {
  const calls: string[] = [];
  let done: () => void = () => undefined;
  const replaced = new Promise<void>((resolve) => {
    done = resolve;
  });
  const made = directory(secret, {
    scheme,
    replace: async (old, fresh) => {
      calls.push(fresh);
      if (made.held.secret === old) made.held.secret = fresh;
      done();
      return true;
    },
  });
  return { ...made, calls, replaced };
}

describe("rehash on login", () => {
  it.each([
    ["{PLAIN}secret", "ARGON2ID", /^\{ARGON2ID\}\$argon2id\$v=19\$m=19456,t=2,p=1\$/],
    ["{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "SCRAM-SHA-256", /^\{SCRAM-SHA-256\}4096,/],
  ] as const)("%s becomes %s, and still fits", async (secret, scheme, expected) => {
    const { plugin, held, replaced } = storing(secret, scheme);
    const { logins } = await loginsOf({ plugins: [plugin] });
    expect(await logins.password(sessionWith({}), "anna", "secret")).toMatchObject({ at: "success" });
    await replaced;
    expect(held.secret).toMatch(expected);
    expect(await logins.password(sessionWith({}), "anna", "secret")).toMatchObject({ at: "success" });
    expect(await logins.password(sessionWith({}), "anna", "wrong")).toMatchObject({ cause: "invalid" });
  });

  it("two logins at once hash once; a wrong password and a strong secret change nothing", async () => {
    const { plugin, calls, replaced } = storing("{PLAIN}secret");
    const { logins } = await loginsOf({ plugins: [plugin] });
    const login = (password: string) => logins.password(sessionWith({}), "anna", password);
    await login("wrong");
    await Promise.all([login("secret"), login("secret"), login("wrong")]);
    await replaced;
    await login("secret");
    await login("secret");
    await logins.close();
    expect(calls).toHaveLength(1);
  });

  it("what cannot be stored is logged, and the login stands", async () => {
    const { plugin } = directory("{PLAIN}secret", {
      scheme: "ARGON2ID",
      replace: () => Promise.reject(new Error("accounts.yaml cannot be written")),
    });
    const { logins, lines } = await loginsOf({ plugins: [plugin] });
    expect(await logins.password(sessionWith({}), "anna", "secret")).toMatchObject({ at: "success" });
    await logins.close();
    const [line] = lines.filter(({ level }) => level === "warn");
    expect(line).toMatchObject({
      text: "password not hashed anew",
      fields: { cause: "accounts.yaml cannot be written" },
    });
    expect(JSON.stringify(lines)).not.toContain("{PLAIN}");
  });
});
