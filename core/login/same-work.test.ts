/** An unknown login and a wrong password are the same to a client: the same answer for the same work of the hash threads. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { definePlugin } from "../kernel/define.ts";
import { proceed, stored } from "../kernel/verdicts.ts";
import { loginsOf, sessionWith } from "../testing/login.ts";

const argon = (fill: string) => `{ARGON2ID}$argon2id$v=19$m=1024,t=1,p=1$${fill.repeat(22)}$${fill.repeat(43)}`;

const directory = (secrets: Readonly<Record<string, string>>) =>
  definePlugin({
    name: "directory-test",
    api: 1,
    setup: () => ({
      hooks: {
        credentials: ({ login }) => {
          const secret = secrets[login];
          return secret === undefined ? proceed : stored({ login }, [secret]);
        },
      },
    }),
  });

async function workOf<T>(act: () => Promise<T>): Promise<{ answer: T; work: string[] }> {
  const work: string[] = [];
  const listen = (task: unknown) => work.push((task as { work: string }).work);
  subscribe("postern:hash", listen);
  try {
    return { answer: await act(), work };
  } finally {
    unsubscribe("postern:hash", listen);
  }
}

const message = (login: string) => Buffer.from(`\0${login}\0wrong`);

describe("an unknown login", () => {
  it.each(["PLAIN", "LOGIN", "password"])("costs by %s what a wrong password costs", async (how) => {
    const { logins } = await loginsOf({ plugins: [directory({ anna: argon("A"), bob: argon("Q") })] });
    const login = (name: string) =>
      workOf(async () => {
        if (how === "password") return logins.password(sessionWith({}), name, "wrong");
        if (how === "PLAIN") return (await logins.begin(sessionWith({}), "PLAIN", message(name))).step;
        const { conversation } = await logins.begin(sessionWith({}), "LOGIN", Buffer.from(name));
        return conversation.next(Buffer.from("wrong"));
      });
    const known = await login("anna");
    expect(known.work).toEqual(["verify ARGON2ID m=1024,t=1,p=1"]);
    for (const name of ["bob", "nobody", "somebody", "anna@example.org"]) expect(await login(name)).toEqual(known);
  });

  it("costs the same each time, and on every worker, where several kinds are stored", async () => {
    const kinds = { anna: argon("A"), bob: "{PBKDF2}$1$salt$1000$c21faa073cf6431d9cacc77ced6a21f31d08fb69" };
    const secret = Buffer.alloc(32, 3);
    const names = Array.from({ length: 12 }, (_, at) => `nobody${at}`);
    const workOn = async (first: readonly string[]) => {
      const { logins } = await loginsOf({ plugins: [directory(kinds)], secret });
      const login = (name: string) => workOf(() => logins.password(sessionWith({}), name, "wrong"));
      for (const name of first) await login(name);
      const all: string[] = [];
      for (const name of names) all.push(...(await login(name)).work);
      return all;
    };
    const one = await workOn(["anna", "bob"]);
    expect(await workOn(["bob", "anna"])).toEqual(one);
    expect(new Set(one).size).toBe(2);
  });
});
