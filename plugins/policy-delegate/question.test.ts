import { envelopeOf, sessionOf } from "postern/testing";
import { expect, it } from "vitest";
import { writeQuestion } from "./question.ts";

it("has one line for each attribute, whatever a client and its DNS say", () => {
  const bad = "x\r\n\nsasl_username=root\u0000\u0085\u2028request=y";
  const session = sessionOf({ heloName: bad, remote: { address: "192.0.2.1", port: 1, hostname: bad } });
  const [envelope, recipient] = [envelopeOf({ session }), `"${bad}"@example.org`];
  const text = writeQuestion({
    ...{ state: "RCPT", envelope, session, recipient, sizeBytes: null, reverseName: bad, context: bad },
  });
  expect(text.endsWith("\n\n")).toBe(true);
  const lines = text.slice(0, -2).split("\n");
  expect(lines.filter((line) => !/^[a-z_]+=/.test(line))).toEqual([]);
  const names = lines.map((line) => line.slice(0, line.indexOf("=")));
  expect(new Set(names).size).toBe(names.length);
  expect(lines).toContain("sasl_username=");
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/);
});

it("cuts what is too long", () => {
  const session = sessionOf({ heloName: "h".repeat(5_000) });
  const parts = { envelope: envelopeOf({ session }), session, recipient: null, sizeBytes: 7, reverseName: null };
  const text = writeQuestion({ state: "END-OF-MESSAGE", ...parts, context: "" });
  expect(text).toContain(`helo_name=${"h".repeat(1_000)}\n`);
  expect(text).toContain("size=7\n");
});
