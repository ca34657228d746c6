import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { packOverview, packStructure, unpackOverview, unpackStructure } from "./packed-survey.ts";
import { surveyMessage } from "./survey.ts";

const fixtures = new URL("./structure/fixtures/", import.meta.url);
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

it.each(readdirSync(fixtures).filter((name) => name.endsWith(".eml")))("%s is the same afterwards", (name) => {
  const { overview, structure } = surveyMessage(readFileSync(new URL(name, fixtures)), 1);
  expect(unpackOverview(json(packOverview(overview)))).toEqual(overview);
  expect(unpackStructure(json(packStructure(structure)))).toEqual(structure);
});

it("has senders of their own, and messages inside messages", () => {
  const text = [
    ...["From: a@example.org", "Sender: b@example.org", "Reply-To: ;", "To: Group: c@example.org;", "Subject: \xe4"],
    ...["Content-Type: message/rfc822; x=y", "Content-ID: <i@d>", "Content-Disposition: attachment; filename=f", ""],
    ...["Subject: inner", "From: d@example.org", "Content-Language: de, en", "", "text"],
  ].join("\r\n");
  const { overview, structure } = surveyMessage(Buffer.from(text, "latin1"), 1);
  expect(structure.message?.envelope?.subject).toBe("inner");
  expect(unpackOverview(json(packOverview(overview)))).toEqual(overview);
  expect(unpackStructure(json(packStructure(structure)))).toEqual(structure);
});

it.each([null, {}, [], [0], [99, []], "text", { envelope: {} }])("takes %j for unknown", (packed) => {
  expect(unpackOverview(packed)).toBeNull();
  expect(unpackStructure(packed)).toBeNull();
});
