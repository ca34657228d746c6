/** The keys that docs/reference/smtp.md explains are keys of a listener. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { listenerKeys, serverKeys } from "../../core/app/config/keys.ts";

const page = readFileSync(new URL("../../docs/reference/smtp.md", import.meta.url), "utf8");
const [, keys = ""] = page.split("## Keys of a listener");

it("docs/reference/smtp.md names keys that exist", () => {
  const [table = ""] = keys.split("## ");
  const ofListener = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key);
  expect(ofListener.length).toBeGreaterThan(5);
  for (const key of ofListener) expect(Object.keys(listenerKeys.properties)).toContain(key);
  const ofServer = [...(table.split("And of the server:")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, key]) => key);
  for (const key of ofServer) expect(Object.keys(serverKeys.properties)).toContain(key);
});
