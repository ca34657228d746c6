/** A bounded run of every fuzzer: the same inputs each time. `npm run fuzz` goes on with others. */
import { expect, it } from "vitest";
import { fuzz } from "./fuzz.ts";
import { hostileSessions } from "./hostile-sessions.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { hold, type Target } from "./target.ts";
import { findTargets } from "./targets.ts";

const SEED = 20260102;

it.each((await findTargets()).map((target) => [target.name, target] as const))("%s", async (_, target) => {
  expect(await fuzz(target, { seed: SEED, inputs: target.inputs })).toBe(target.inputs);
});

it("finds what is there to be found, and says how to have it again", async () => {
  const broken: Target = {
    name: "broken",
    inputs: 1,
    corpus: [Buffer.from("a harmless beginning")],
    words: ["NEEDLE"],
    run: (input) => hold(!input.includes("NEEDLE"), () => "it hurts"),
  };
  const failure = await fuzz(broken, { seed: 7, inputs: 1000 }).then(String, String);
  expect(failure).toMatch(/broken, seed 7, input \d+: it hurts\n[\s\S]*smallest: "NEEDLE"$/);
  const index = Number(/input (\d+)/.exec(failure)?.[1]);
  expect(await fuzz(broken, { seed: 7, from: index, inputs: 1 }).then(String, String)).toBe(failure);
});

it("makes the same inputs of the same seed", () => {
  const material = { corpus: [Buffer.from("EHLO x\r\n"), Buffer.from("MAIL FROM:<>\r\n")], words: ["RSET"] };
  const inputs = (seed: number) =>
    Array.from({ length: 50 }, (_, n) => mutate(new Random(seed + n), material).toString("latin1"));
  expect(inputs(1)).toEqual(inputs(1));
  expect(new Set(inputs(1)).size).toBeGreaterThan(25);
});

it("a few hundred hostile sessions", async () => {
  const sessions = Number(process.env.HOSTILE_SESSIONS ?? 500);
  const report = await hostileSessions({ seed: SEED, sessions });
  expect(report.sessions).toBe(sessions);
}, 600_000);
