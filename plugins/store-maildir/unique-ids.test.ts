import { expect, it } from "vitest";
import { faultInFormat } from "./unique-ids.ts";

it.each(["%08Xu%08Xv", "%v.%u", "%f", "%g", "%m", "%%%u", "uid-%Xu", "%10u"])("takes the format %s", (format) => {
  expect(faultInFormat(format)).toBeNull();
});

it.each([
  ["%v", "all messages have one id"],
  ["same", "all messages have one id"],
  ["%u %v", "printable ASCII"],
  ["%ü%u", "printable ASCII"],
  ["%z%u", "%z is no variable"],
])("says what is wrong with the format %s", (format, fault) => {
  expect(faultInFormat(format)).toContain(fault);
});
