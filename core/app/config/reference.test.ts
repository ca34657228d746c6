import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { listenerKeys, serverKeys } from "./keys.ts";
import { configReference } from "./reference.ts";

const page = fileURLToPath(new URL("../../../docs/reference/config-keys.md", import.meta.url));

it("docs/reference/config-keys.md is what the schemas say", async () => {
  await expect(configReference()).toMatchFileSnapshot(page);
});

it("every key has a meaning", () => {
  const described = [...Object.values(serverKeys.properties), ...Object.values(listenerKeys.properties)];
  for (const schema of described) expect(schema).toHaveProperty("description", expect.stringMatching(/\S/));
});
