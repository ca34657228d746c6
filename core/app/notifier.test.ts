import { expect, it } from "vitest";
import { createNotifier } from "./notifier.ts";

it("tells its own listeners at once, and other workers many things together, each of them once", async () => {
  const sent: (readonly string[])[] = [];
  const heard: string[] = [];
  const notifier = createNotifier({ send: (topics) => void sent.push(topics) });
  notifier.subscribe("a", () => heard.push("a"));
  for (const topic of ["a", "b", "a", "a"]) notifier.publish(topic);
  expect(heard).toEqual(["a", "a", "a"]);
  expect(sent).toEqual([]);
  await expect.poll(() => sent).toEqual([["a", "b"]]);
  notifier.publish("b");
  await expect.poll(() => sent.length).toBe(2);
});

it("holds a bounded number of hints", () => {
  const sent: (readonly string[])[] = [];
  const notifier = createNotifier({ send: (topics) => void sent.push(topics) });
  for (let count = 0; count < 2_500; count += 1) notifier.publish(`topic ${count}`);
  expect(sent.map(({ length }) => length)).toEqual([1_000, 1_000]);
});

it("tells nobody else what came from another worker", () => {
  const sent: unknown[] = [];
  const heard: string[] = [];
  const notifier = createNotifier({ send: (topics) => void sent.push(topics) });
  notifier.subscribe("a", () => heard.push("a"));
  notifier.receive("a");
  expect(heard).toEqual(["a"]);
  expect(sent).toEqual([]);
});
