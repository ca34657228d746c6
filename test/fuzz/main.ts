/**
 * `npm run fuzz`: every target for SECONDS (default 60), then the generated hostile sessions (HOSTILE_SESSIONS, default 10,000).
 * `npm run fuzz -- NAME ...`: these only, `hostile-sessions` among them. SEED and AT have one input of a target again.
 */
import { fuzz } from "./fuzz.ts";
import { hostileSessions } from "./hostile-sessions.ts";
import { findTargets } from "./targets.ts";

const HOSTILE = "hostile-sessions";
const names = process.argv.slice(2);
const seconds = Number(process.env.SECONDS ?? 60);
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
const at = process.env.AT === undefined ? null : Number(process.env.AT);

const targets = await findTargets();
for (const name of names) {
  if (name !== HOSTILE && !targets.some((target) => target.name === name)) {
    throw new Error(`there is no target ${name}: ${[...targets.map((target) => target.name), HOSTILE].join(", ")}`);
  }
}
const isChosen = (name: string): boolean => names.length === 0 || names.includes(name);

console.log(`SEED=${seed}`);
for (const target of targets.filter(({ name }) => isChosen(name))) {
  const begun = performance.now();
  const count = await fuzz(
    target,
    at === null ? { seed, untilMs: begun + seconds * 1000 } : { seed, from: at, inputs: 1 },
  );
  const perSecond = count / ((performance.now() - begun) / 1000);
  console.log(`${target.name.padEnd(20)}${String(count).padStart(9)} inputs${perSecond.toFixed(0).padStart(9)}/s`);
}
if (isChosen(HOSTILE)) {
  const sessions = Number(process.env.HOSTILE_SESSIONS ?? 10_000);
  const report = await hostileSessions({ seed, sessions });
  console.log(`${HOSTILE.padEnd(20)}${JSON.stringify(report)}`);
}
