import { expect, it } from "vitest";
import { stateCell } from "./cells.ts";
import { createEnvelope } from "./envelope.ts";

const envelopeOf = (id: string) => createEnvelope({ id, origin: "smtp", session: null, reversePath: null });

it.each([
  ["that carries its cells", () => envelopeOf("one")],
  ["of any other kind", () => ({})],
])("a cell is made once for an owner %s, and is its own", (_, make) => {
  const cell = stateCell((_owner: object) => ({ count: 0 }));
  const [one, other] = [make(), make()];
  cell(one).count += 1;
  cell(one).count += 1;
  expect([cell(one).count, cell(other).count]).toEqual([2, 0]);
});

it("two states keep apart what they hold of one owner, also where they begin alike", () => {
  const begin = () => ({ count: 0 });
  const [one, other] = [stateCell(begin), stateCell(begin)];
  const envelope = envelopeOf("one");
  one(envelope).count += 1;
  expect([one(envelope).count, other(envelope).count]).toEqual([1, 0]);
});

it("a copy has cells of its own", () => {
  const cell = stateCell((_owner: object) => ({ count: 0 }));
  const envelope = envelopeOf("one");
  cell(envelope).count += 1;
  expect(cell({ ...envelope }).count).toBe(0);
});

it("what begins as nothing is kept as well", () => {
  let made = 0;
  const cell = stateCell((_owner: object) => {
    made += 1;
    return null;
  });
  const envelope = envelopeOf("one");
  expect([cell(envelope), cell(envelope), made]).toEqual([null, null, 1]);
});
