import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (file: string) => fileURLToPath(new URL(`./core/api/${file}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      "postern/plugin": source("plugin.ts"),
      "postern/mail": source("mail.ts"),
      "postern/testing": source("testing.ts"),
    },
  },
  test: {
    include: ["core/**/*.test.ts", "plugins/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
