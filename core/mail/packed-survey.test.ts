import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { packGist, packSurvey, unpackGist, unpackSurvey } from "./packed-survey.ts";
import { gistOf, type Survey, surveyMessage } from "./survey.ts";

const fixtures = new URL("./structure/fixtures/", import.meta.url);
/** As the index keeps it. */
const kept = (octets: string): string => Buffer.from(octets, "latin1").toString("latin1");

function expectToComeBack({ overview, structure }: Survey): void {
  const unpacked = unpackSurvey(kept(packSurvey({ overview, structure })));
  expect(unpacked?.structure).toEqual(structure);
  expect(unpacked?.overview).toEqual(overview);
}

it.each(readdirSync(fixtures).filter((name) => name.endsWith(".eml")))("%s is the same afterwards", (name) => {
  const octets = readFileSync(new URL(name, fixtures));
  const survey = surveyMessage(octets);
  expectToComeBack(survey);
  const gist = gistOf(octets, survey, 1);
  expect(unpackGist(kept(packGist(gist)))).toEqual(gist);
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

it("has texts that are empty, or look like its own marks", () => {
  const text = [
    ...[
      'From: f <=@e>, "\r" <m@0>, undisclosed:;',
      "Sender: f <=@e>",
      "Subject: ",
      "Date: =",
      "To: ",
      "Cc: \r",
      "Bcc: m",
    ],
    ...["References: <1> <=>", 'Content-Type: multipart/mixed; boundary=b; 0=; m=""', "Content-Language: e", ""],
    ...["--b", "Content-Disposition: 0; =", "Content-MD5: =", "", "text", "--b", "Content-Type: message/rfc822", ""],
    ...["--b", "Content-Type: multipart/mixed", "", "--b--"],
  ].join("\r\n");
  expectToComeBack(surveyMessage(Buffer.from(text, "latin1")));
});

it("keeps whatever stands in a header", () => {
  const octet = fc.constantFrom(
    "\n",
    "\r",
    "\r\n",
    " ",
    "\0",
    "=",
    "f",
    "m",
    "<",
    ">",
    "@",
    ",",
    ";",
    ":",
    '"',
    "\\",
    "(",
    "\xff",
    "0",
  );
  const value = fc.string({ unit: octet, maxLength: 20 });
  const field = fc.tuple(
    fc.constantFrom(
      "From",
      "Sender",
      "To",
      "Subject",
      "Date",
      "References",
      "Content-Type",
      "Content-Language",
      "Content-ID",
    ),
    value,
  );
  const header = fc
    .array(field, { maxLength: 9 })
    .map((fields) => fields.map(([name, text]) => `${name}: ${text}\r\n`).join(""));
  fc.assert(
    fc.property(header, header, (outer, inner) => {
      const text = `${outer}Content-Type: message/rfc822\r\n\r\n${inner}\r\ntext`;
      expectToComeBack(surveyMessage(Buffer.from(text, "latin1")));
    }),
    { numRuns: 300 },
  );
});

it.each([null, "", "0", "99\n3\n", "3", "text"])("takes %j for unknown", (packed) => {
  expect(unpackSurvey(packed)).toBeNull();
  expect(unpackGist(packed)).toBeNull();
});
