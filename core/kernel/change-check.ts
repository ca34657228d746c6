/**
 * Whether the changes of an `amend` answer are such. Gives them with whole addresses and label values as they will come back
 * from disk, or a sentence that says what is wrong. A header value may bring its own folding; nothing else in it may end a line.
 */
import type { Readable } from "node:stream";
import type { Change } from "../contracts/verdicts.ts";
import { isFieldName } from "../mail/header.ts";
import { wholeAddress } from "./addresses.ts";
import { nearest } from "./load/nearest.ts";
import { isRecord, isText, isWord, oneLine, show } from "./shown.ts";

const ops = [
  "prepend",
  "append",
  "removeHeader",
  "replaceBody",
  "hold",
  "quarantine",
  "addRecipient",
  "redirect",
  "route",
  "label",
] as const satisfies readonly Change["op"][];

const headerLimit = 64 * 1024;
const labelLimit = 64 * 1024;

export function checkChanges(changes: unknown): readonly Change[] | string {
  if (!Array.isArray(changes)) return "amend without a list of changes";
  const checked: Change[] = [];
  for (const change of changes) {
    const one = checkChange(change);
    if (isText(one)) return one;
    checked.push(one);
  }
  return checked;
}

function checkChange(change: unknown): Change | string {
  if (!isRecord(change)) return "amend with a change that is none";
  const { op, reason, transport, nextHop } = change;
  switch (op) {
    case "prepend":
    case "append": {
      const { header, value } = change;
      if (!isText(header) || !isFieldName(header)) return `${show(header)} is no name of a header field`;
      return isText(value) && isFieldValue(value)
        ? { op, header, value }
        : `the value of ${header} is no text, too long, or has control characters in it`;
    }
    case "removeHeader": {
      const { header } = change;
      return isText(header) && isFieldName(header) ? { op, header } : `${show(header)} is no name of a header field`;
    }
    case "replaceBody":
      return isStream(change.body) ? { op, body: change.body } : "replaceBody without a stream";
    case "hold":
    case "quarantine":
      return isText(reason) ? { op, reason } : `${op} without a reason`;
    case "addRecipient":
    case "redirect": {
      const address = wholeAddress(change.address);
      return address ? { op, address } : `${op} without an address`;
    }
    case "route":
      if (!isWord(transport)) return "route without the name of a transport";
      if (nextHop !== null && !isWord(nextHop)) return "route with a next hop that is neither a name nor null";
      return { op, transport, nextHop };
    case "label":
      return checkLabel(change.label, change.value);
    default: {
      const near = isText(op) ? nearest(op, ops) : null;
      return `there is no change ${show(op)}${near ? `; did you mean "${near}"?` : ""}`;
    }
  }
}

/** Other copies of node's streams are as good. */
const isStream = (value: unknown): value is Readable =>
  isRecord(value) && typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === "function";

/** RFC 5322 2.2.3: a line end only before white space, and no line of white space alone. Tabs are let pass. */
function isFieldValue(value: string): boolean {
  if (value.length > headerLimit) return false;
  const lines = value.split(/\r\n(?=[ \t])/);
  return lines.every((line, index) => oneLine(line.replaceAll("\t", " ")) && (index === 0 || line.trim() !== ""));
}

/** Labels are written to disk: JSON values only, and the same before as after. */
function checkLabel(label: unknown, value: unknown): Change | string {
  if (!isWord(label)) return "a label without a name";
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return { op: "label", label, value };
  if (!isText(value) && !isRecord(value)) return `the label ${show(label)} cannot have the value ${show(value)}`;
  const json = JSON.stringify(value);
  if (json === undefined || json.length > labelLimit)
    return `the value of the label ${show(label)} is too large or no JSON`;
  return { op: "label", label, value: JSON.parse(json) as unknown };
}
