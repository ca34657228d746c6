import { killSpools } from "./spool-kills.ts";

const begun = performance.now();
console.log(
  await killSpools({ seed: Number(process.env.SEED ?? 1), points: Number(process.env.POINTS ?? 30) }),
  performance.now() - begun,
);
