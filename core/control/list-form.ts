/** How a list is wanted: whoever has the messages writes the rows, and nobody on the way has to read them. */
import { jsonLine } from "../kernel/json-line.ts";
import { mailqEntry } from "./mailq-entry.ts";
import type { ListedMessage, ListForm } from "./request.ts";
import { tableRow } from "./table.ts";

/** Throws for a form that is none. */
export function rowsIn(form: ListForm, nowMs: number): (message: ListedMessage) => string {
  switch (form) {
    case "ids":
      return ({ id }) => `${id}\n`;
    case "json":
      return jsonLine;
    case "table":
      return (message) => tableRow(message, nowMs);
    case "mailq":
      return mailqEntry;
    default:
      throw new Error("a list in a form that this server does not know");
  }
}
