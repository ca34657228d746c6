import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { packGist, packSurvey, unpackGist, unpackSurvey } from "./packed-survey.ts";
import { gistOf, type Survey, surveyMessage } from "./survey.ts";

const fixtures = new URL("./structure/fixtures/", import.meta.url);
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

function expectToComeBack({ overview, structure }: Survey): void {
  const unpacked = unpackSurvey(json(packSurvey({ overview, structure })));
  expect(unpacked?.structure).toEqual(structure);
  expect(unpacked?.overview).toEqual(overview);
}

it.each(readdirSync(fixtures).filter((name) => name.endsWith(".eml")))("%s is the same afterwards", (name) => {
  const octets = readFileSync(new URL(name, fixtures));
  const survey = surveyMessage(octets);
  expectToComeBack(survey);
  const gist = gistOf(octets, survey, 1);
  expect(unpackGist(json(packGist(gist)))).toEqual(gist);
});

it("has senders of their own, and messages inside messages", () => {
  const text = [
    ...["From: a@example.org", "Sender: b@example.org", "Reply-To: ;", "To: Group: c@example.org;", "Subject: \xe4"],
    ...["Content-Type: message/rfc822; x=y", "Content-ID: <i@d>", "Content-Disposition: attachment; filename=f", ""],
    ...["Subject: inner", "From: d@example.org", "Content-Language: de, en", "", "text"],
  ].join("\r\n");
  const survey = surveyMessage(Buffer.from(text, "latin1"));
  expect(survey.structure.message?.envelope?.subject).toBe("inner");
  expectToComeBack(survey);
});

it.each([null, {}, [], [0], [99, []], "text", { envelope: {} }])("takes %j for unknown", (packed) => {
  expect(unpackSurvey(packed)).toBeNull();
  expect(unpackGist(packed)).toBeNull();
});
