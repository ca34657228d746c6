/** The right-hand side of header_checks(5). Pure. What is no action is a sentence that says why. */
import { type AccessAction, parseAccessAction } from "postern/mail";
import type { Place } from "./content-scanner.ts";

export type ContentAction =
  | Extract<
      AccessAction,
      { does: "reject" | "defer" | "discard" | "hold" | "redirect" | "bcc" | "filter" | "warn" | "info" | "dunno" }
    >
  /** The line goes; STRIP says so in the log. */
  | { readonly does: "ignore"; readonly isLogged: boolean; readonly text: string | null }
  | { readonly does: "replace" | "prepend"; readonly text: string }
  /** Nothing more of this message is looked at. */
  | { readonly does: "pass"; readonly text: string | null };

const FIELD = /^[!-9;-~]+\s*:/;

export function parseContentAction(raw: string, place: Place): ContentAction | string {
  const [, word = "", rest = ""] = /^\s*(\S*)\s*([\s\S]*)$/.exec(raw) ?? [];
  const text = rest.trimEnd();
  switch (word.toUpperCase()) {
    case "OK":
      return { does: "dunno" };
    case "IGNORE":
      return { does: "ignore", isLogged: false, text: null };
    case "STRIP":
      return { does: "ignore", isLogged: true, text: text || null };
    case "PASS":
      return { does: "pass", text: text || null };
    case "REPLACE":
    case "PREPEND": {
      const does = word.toUpperCase() === "REPLACE" ? "replace" : "prepend";
      if (text === "") return `${word} takes the text that is to stand there`;
      return place === "body" || FIELD.test(text)
        ? { does, text }
        : `${word} takes a header field, as in "X-Seen: yes"`;
    }
  }
  const action = parseAccessAction(raw);
  if (typeof action === "string") return action;
  switch (action.does) {
    case "ok":
    case "deferIfPermit":
    case "deferIfReject":
    case "prepend":
      return `${word} is no action of header_checks(5)`;
    default:
      return action;
  }
}
