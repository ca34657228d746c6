/** docs/reference/pop3.md is what the code says, and CAPA says what the page says. */
import { expect, it } from "vitest";
import { memoryPop3 } from "../pop3/memory-pop3.ts";
import { namedCapabilities, pop3Reference } from "./pop3-reference.ts";

it("docs/reference/pop3.md is up to date", async () => {
  await expect(pop3Reference()).toMatchFileSnapshot("../../docs/reference/pop3.md");
});

it("names each capability, and no other", async () => {
  const client = memoryPop3({ loginDelay: 1000 }).client();
  client.send("CAPA\r\nQUIT\r\n");
  const [, list = ""] = /Capabilities\r\n([\s\S]*)\r\n\.\r\n/.exec(await client.closed()) ?? [];
  // The client in memory cannot have TLS.
  const told = [...list.split("\r\n").map((line) => line.split(" ")[0]), "STLS"];
  expect(told.toSorted()).toEqual([...namedCapabilities()].toSorted());
});
