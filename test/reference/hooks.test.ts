/** The reference page says what the kernel does. */
import { expect, it } from "vitest";
import { hookReference } from "./hook-reference.ts";

it("docs/reference/hooks.md is up to date", async () => {
  await expect(hookReference()).toMatchFileSnapshot("../../docs/reference/hooks.md");
});
