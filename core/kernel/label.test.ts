/** Labels are typed, validated, and told by their name. */
import { Type } from "typebox";
import { expect, it } from "vitest";
import { envelopeOf } from "../testing/mail.ts";
import { defineLabel } from "./label.ts";

const Spf = defineLabel("spf-result", Type.Union([Type.Literal("pass"), Type.Literal("fail")]));

it("gives a change to answer with", () => {
  expect(Spf.set("pass")).toEqual({ op: "label", label: "spf-result", value: "pass" });
});

it("refuses a value that the schema refuses", () => {
  expect(() => Spf.set("maybe" as "pass")).toThrow('the label "spf-result" cannot have this value');
});

it("reads what another definition of the same name wrote", () => {
  const envelope = envelopeOf();
  expect(Spf.of(envelope)).toBeUndefined();
  envelope.setLabel("spf-result", "fail");
  expect(defineLabel("spf-result", Type.String()).of(envelope)).toBe("fail");
});

it("does not read what an older version left in another shape", () => {
  const envelope = envelopeOf();
  envelope.setLabel("spf-result", 550);
  expect(Spf.of(envelope)).toBeUndefined();
});

it.each(["", "Spf", "spf result", "spf_result", "-spf"])("has a name in kebab-case, not %j", (name) => {
  expect(() => defineLabel(name, Type.String())).toThrow(TypeError);
});
