import { expect, it } from "vitest";
import { sortedByTime } from "./file-name.ts";

it.each<[string, readonly string[], readonly string[]]>([
  ["seconds, as numbers", ["10.a", "9.a", "1700000001.x"], ["9.a", "10.a", "1700000001.x"]],
  ["microseconds, as numbers", ["5.M10P1.h", "5.M9P1.h", "4.M999999P1.h"], ["4.M999999P1.h", "5.M9P1.h", "5.M10P1.h"]],
  ["names where the time is one", ["5.M7P2.h", "5.M7P1.h", "5.M7P10.h"], ["5.M7P1.h", "5.M7P10.h", "5.M7P2.h"]],
  ["those without a time first", ["5.h", "name", "", "M5.h"], ["", "M5.h", "name", "5.h"]],
  ["what is in order already", ["1.a", "2.M1", "2.M2", "3"], ["1.a", "2.M1", "2.M2", "3"]],
  ["no message at all", [], []],
])("messages get their UIDs in the order of %s", (_, bases, ordered) => {
  expect(sortedByTime(bases)).toEqual(ordered);
});
