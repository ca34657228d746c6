import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (file: string) => fileURLToPath(new URL(`./core/api/${file}`, import.meta.url));

const alias = {
  "postern/plugin": source("plugin.ts"),
  "postern/mail": source("mail.ts"),
  "postern/store": source("store.ts"),
  "postern/testing": source("testing.ts"),
};
// Generous: a busy machine, or a disk that stands still for a minute, is no fault of the code.
const test = { testTimeout: 240_000, hookTimeout: 240_000, expect: { poll: { timeout: 120_000 } } };

export default defineConfig({
  test: {
    // Two, also on a machine of two cores: much of a test is waiting.
    ...(process.env.CI && { maxWorkers: 2 }),
    projects: [
      // Rooms and plugins by themselves, from their source.
      { resolve: { alias }, test: { ...test, name: "rooms", include: ["core/**/*.test.ts", "plugins/**/*.test.ts"] } },
      // Whole servers and what crosses rooms.
      {
        resolve: { alias },
        test: { ...test, name: "house", include: ["test/**/*.test.ts"], globalSetup: "test/server/build.ts" },
      },
    ],
  },
});
