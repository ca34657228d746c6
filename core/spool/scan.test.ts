import { describe, expect, it } from "vitest";
import { placeRecord, prepareRecord, recordHeaderBytes } from "./record.ts";
import { type Found, scanRecords } from "./scan.ts";

const nonce = Buffer.from("8f3a00ff0a0d1122", "hex");
const names = ["one", "two", "three", "four"];

/** Four records, then room. */
function segmentOf(contents: readonly string[], key = nonce, sizeBytes = 4096, fill = 0): Buffer {
  const bytes = Buffer.alloc(sizeBytes, fill);
  let at = 0;
  for (const [index, content] of contents.entries()) {
    const record = prepareRecord("accept", { id: names[index] }, [Buffer.from(content)]);
    placeRecord(record, key, at, at);
    at += Buffer.concat([record.head, ...record.content]).copy(bytes, at);
  }
  return bytes;
}

const contents = ["first message", "second message", "third", "the last one"];
const idsOf = (found: readonly Found[]): string[] =>
  found.flatMap((one) => (one.at === "record" ? [String(JSON.parse(one.meta.toString()).id)] : []));
const damageOf = (found: readonly Found[]) => found.filter((one) => one.at === "damaged");
const usedBytes = (bytes: Buffer): number => {
  const last = scanRecords(bytes, nonce).at(-1);
  return last?.at === "record" ? last.offset + last.sizeBytes : 0;
};

describe("scanning a segment", () => {
  it("finds every record and stops at what was never written", () => {
    const found = scanRecords(segmentOf(contents), nonce);
    expect(idsOf(found)).toEqual(names);
    expect(damageOf(found)).toEqual([]);
    expect(found.map((one) => one.at === "record" && one.content.toString())).toEqual(contents);
  });

  it("finds nothing in an empty one, and nothing in none", () => {
    expect(scanRecords(Buffer.alloc(4096), nonce)).toEqual([]);
    expect(scanRecords(Buffer.alloc(0), nonce)).toEqual([]);
  });

  it("takes nothing from the segment's former life", () => {
    const former = segmentOf(["a".repeat(600), "b".repeat(600), "c"], Buffer.from("ffffffffffffffff", "hex"));
    const bytes = segmentOf(contents);
    const end = usedBytes(bytes);
    former.copy(bytes, end, end);
    const found = scanRecords(bytes, nonce);
    expect(idsOf(found)).toEqual(names);
    expect(damageOf(found)).toEqual([]);
  });

  it("takes no record that a message carries in its text, wherever damage makes it look", () => {
    const forged = prepareRecord("remove", { id: "one" });
    // Even with the right nonce: it does not stand where it says.
    placeRecord(forged, nonce, 0, 0);
    const carried = forged.head.toString("latin1");
    const record = prepareRecord("accept", { id: "two" }, [Buffer.from(`A: b\r\n\r\n${carried}`, "latin1")]);
    const bytes = segmentOf(["first message"]);
    const at = usedBytes(bytes);
    placeRecord(record, nonce, at, at);
    Buffer.concat([record.head, ...record.content]).copy(bytes, at);
    bytes.writeUInt8(99, at + 14);
    expect(scanRecords(bytes, nonce).map((one) => (one.at === "record" ? one.type : one.at))).toEqual([
      "accept",
      "damaged",
    ]);
  });

  it("loses to any single flipped bit at most the record that it is in, and never gives wrong bytes", () => {
    const sound = segmentOf(contents);
    const places = scanRecords(sound, nonce).flatMap((one) => (one.at === "record" ? [one] : []));
    for (let at = 0; at < usedBytes(sound); at += 1) {
      for (const bit of [0, 3, 7]) {
        const bytes = Buffer.from(sound);
        bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
        const hit = places.findIndex((place) => at < place.offset + place.sizeBytes);
        const found = scanRecords(bytes, nonce);
        const isNonce = at - (places[hit]?.offset ?? 0) < nonce.length;
        const expected = isNonce ? names : names.filter((_, index) => index !== hit);
        expect(idsOf(found), `bit ${bit} of byte ${at}`).toEqual(expected);
        if (!isNonce) expect(damageOf(found), `bit ${bit} of byte ${at}`).toHaveLength(1);
        for (const one of found) if (one.at === "record") expect(contents).toContain(one.content.toString());
      }
    }
  });

  it.each([
    ["zeros", 0],
    ["other bytes", 0xa7],
  ])("gives what lies wholly before a torn end of %s, at every length", (_, fill) => {
    const sound = segmentOf(contents);
    const places = scanRecords(sound, nonce).flatMap((one) => (one.at === "record" ? [one] : []));
    for (let length = 0; length <= usedBytes(sound); length += 1) {
      const torn = Buffer.concat([sound.subarray(0, length), Buffer.alloc(sound.length - length, fill)]);
      const whole = names.slice(0, places.filter((place) => place.offset + place.sizeBytes <= length).length);
      // A record may end in a byte that the fill has by chance.
      expect(idsOf(scanRecords(torn, nonce)).slice(0, whole.length), `length ${length}`).toEqual(whole);
      expect(idsOf(scanRecords(sound.subarray(0, length), nonce)), `cut at ${length}`).toEqual(whole);
    }
  });

  it("finds what follows a hole of any kind", () => {
    const sound = segmentOf(contents);
    const [, second, third] = scanRecords(sound, nonce);
    for (const fill of [0, 0xff]) {
      const bytes = Buffer.from(sound).fill(fill, second?.offset, third?.offset);
      expect(idsOf(scanRecords(bytes, nonce))).toEqual(["one", "three", "four"]);
    }
  });

  it("tells damage to what was on disk from a write that was never finished", () => {
    const bytes = segmentOf(contents);
    const [first, , , last] = scanRecords(bytes, nonce);
    bytes.fill(1, (first?.offset ?? 0) + recordHeaderBytes, (first?.offset ?? 0) + recordHeaderBytes + 4);
    bytes.fill(1, (last?.offset ?? 0) + recordHeaderBytes, (last?.offset ?? 0) + recordHeaderBytes + 4);
    expect(damageOf(scanRecords(bytes, nonce)).map((one) => one.at === "damaged" && one.wasDurable)).toEqual([
      true,
      false,
    ]);
  });
});
