/**
 * Whether the changes of an `amend` answer are such. Gives them with whole addresses and label values as they will come back
 * from disk, or a sentence that says what is wrong. A header value may bring its own folding; nothing else in it may end a line.
 */
import type { Readable } from "node:stream";
import type { Notify } from "../contracts/envelope.ts";
import type { Change, HeaderEdit, Readdressing } from "../contracts/verdicts.ts";
import { isFieldName } from "../mail/header.ts";
import { wholeAddress } from "./addresses.ts";
import { nearest } from "./load/nearest.ts";
import { isRecord, isText, isWord, oneLine, show } from "./shown.ts";

const ops = [
  "prepend",
  "append",
  "removeHeader",
  "readdress",
  "reversePath",
  "editHeader",
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
    case "editHeader":
      return checkEdits(change.edits);
    case "replaceBody":
      return isStream(change.body) ? { op, body: change.body } : "replaceBody without a stream";
    case "hold":
    case "quarantine":
      return isText(reason) ? { op, reason } : `${op} without a reason`;
    case "readdress":
      return checkReaddress(change.headers, change.addresses);
    case "addRecipient": {
      const address = wholeAddress(change.address);
      if (!address) return "addRecipient without an address";
      if (change.notify === undefined) return { op, address };
      return isNotify(change.notify)
        ? { op, address, notify: change.notify }
        : "addRecipient with a notify that is no set of never, success, failure, delay; never stands alone";
    }
    case "reversePath":
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

const editsLimit = 100_000;

function checkEdits(edits: unknown): Change | string {
  if (!Array.isArray(edits) || edits.length > editsLimit) return "editHeader without a list of edits, or with too many";
  const checked: HeaderEdit[] = [];
  for (const edit of edits) {
    if (!isRecord(edit) || !Number.isSafeInteger(edit.index) || Number(edit.index) < 0)
      return "editHeader without the index of a field";
    const index = Number(edit.index);
    const { field } = edit;
    if (field === null) {
      checked.push({ index, field });
      continue;
    }
    if (!isRecord(field)) return "editHeader with a field that is none";
    const { header, value } = field;
    if (!isText(header) || !isFieldName(header)) return `${show(header)} is no name of a header field`;
    if (!isText(value) || !isFieldValue(value))
      return `the value of ${header} is no text, too long, or has control characters in it`;
    checked.push({ index, field: { header, value } });
  }
  return { op: "editHeader", edits: checked };
}

function checkReaddress(headers: unknown, addresses: unknown): Change | string {
  if (!Array.isArray(headers) || !headers.every((name) => isText(name) && isFieldName(name)))
    return "readdress without a list of names of header fields";
  if (!Array.isArray(addresses)) return "readdress without a list of addresses";
  const pairs: Readdressing[] = [];
  for (const pair of addresses) {
    const from = isRecord(pair) ? wholeAddress(pair.from) : null;
    const to = isRecord(pair) ? wholeAddress(pair.to) : null;
    if (!from || !to) return "readdress with what is no pair of addresses";
    pairs.push({ from, to });
  }
  return { op: "readdress", headers, addresses: pairs };
}

const notifyWords: ReadonlySet<unknown> = new Set<Notify>(["never", "success", "failure", "delay"]);

// RFC 3461 4.1: NEVER stands alone
const isNotify = (value: unknown): value is ReadonlySet<Notify> =>
  value instanceof Set && [...value].every((word) => notifyWords.has(word)) && !(value.has("never") && value.size > 1);

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
