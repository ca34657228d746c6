import { killServers } from "./server-kills.ts";

const begun = performance.now();
console.log(
  await killServers({ seed: Number(process.env.SEED ?? 1), points: Number(process.env.POINTS ?? 10) }),
  performance.now() - begun,
);
