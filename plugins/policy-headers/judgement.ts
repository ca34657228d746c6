/** Gathers what the checks of one message come to: the first refusal ends it, everything else waits for the end. */
import {
  type Amend,
  amend,
  type Change,
  type Defer,
  type Discard,
  defer,
  discard,
  fillText,
  type HeaderEdit,
  type Message,
  type Proceed,
  proceed,
  type Reject,
  reject,
  type StatusDetail,
} from "postern/plugin";
import { type ContentAction, parseContentAction } from "./actions.ts";
import { type BodyEdit, editedBody } from "./body-edits.ts";
import type { Item } from "./content-scanner.ts";

export interface Texts {
  readonly refused: string;
  readonly denied: string;
  readonly misconfigured: string;
}

export interface Notes {
  note(level: "info" | "warn" | "error", item: Item, text: string): void;
}

/** Of one message; whoever wants more is put off. */
const EDITS_LIMIT = 10_000;
const CHANGES_LIMIT = 100;

export class Judgement {
  readonly #texts: Texts;
  readonly #notes: Notes;
  readonly #headerEdits: HeaderEdit[] = [];
  readonly #bodyEdits: BodyEdit[] = [];
  readonly #changes: Change[] = [];
  #ending: Reject | Defer | Discard | Proceed | null = null;

  constructor(texts: Texts, notes: Notes) {
    this.#texts = texts;
    this.#notes = notes;
  }

  /** Takes what a table has for an item; `true`: nothing more needs to be looked at. */
  take(item: Item, value: string): boolean {
    const action = parseContentAction(value, item.place);
    if (typeof action === "string") {
      this.#notes.note("error", item, `a content check has what is no action: ${action}`);
      return this.#end(defer(this.#texts.misconfigured, { code: 451, detail: "3.5" }));
    }
    this.#perform(item, action);
    if (this.#headerEdits.length + this.#bodyEdits.length > EDITS_LIMIT || this.#changes.length > CHANGES_LIMIT)
      return this.#end(defer(this.#texts.misconfigured, { code: 451, detail: "3.5" }));
    return this.#ending !== null;
  }

  /** `headerBytes`: length of the header block with its empty line. */
  verdict(message: Message, headerBytes: number): Proceed | Amend | Reject | Defer | Discard {
    if (this.#ending && this.#ending.verdict !== "proceed") return this.#ending;
    const changes = [...this.#changes];
    if (this.#headerEdits.length > 0) changes.push({ op: "editHeader", edits: this.#headerEdits });
    if (this.#bodyEdits.length > 0)
      changes.push({ op: "replaceBody", body: editedBody(message, headerBytes, this.#bodyEdits) });
    return changes.length === 0 ? proceed : amend(...changes);
  }

  #end(ending: Reject | Defer | Discard | Proceed): true {
    this.#ending = ending;
    return true;
  }

  #perform(item: Item, action: ContentAction): void {
    switch (action.does) {
      case "dunno":
        return;
      case "reject":
      case "defer": {
        const text = fillText(this.#texts.refused, { text: action.text ?? this.#texts.denied });
        const code = action.code ?? (action.does === "reject" ? 550 : 450);
        const how = {
          code,
          detail: (action.detail ?? "7.1") as StatusDetail,
          ...(action.isClosing && { close: true }),
        };
        this.#notes.note("info", item, action.does);
        this.#end(action.does === "reject" ? reject(text, how) : defer(text, how));
        return;
      }
      case "discard":
        this.#end(discard(action.text ?? `${item.place} check`));
        return;
      case "pass":
        this.#notes.note("info", item, action.text ?? "pass");
        this.#end(proceed);
        return;
      case "hold":
        this.#changes.push({ op: "hold", reason: action.text ?? `${item.place} check` });
        return;
      case "redirect":
        this.#changes.push({ op: "redirect", address: action.address });
        return;
      case "bcc":
        this.#changes.push({ op: "addRecipient", address: action.address, notify: new Set(["never"]) });
        return;
      case "filter":
        this.#changes.push({ op: "route", transport: action.transport, nextHop: action.nextHop });
        return;
      case "warn":
      case "info":
        this.#notes.note(action.does, item, action.text ?? action.does);
        return;
      case "ignore":
        if (action.isLogged) this.#notes.note("info", item, action.text ?? "strip");
        this.#edit(item, null);
        return;
      case "replace":
        this.#edit(item, action.text);
        return;
      case "prepend":
        this.#prepend(item, action.text);
        return;
    }
  }

  #edit(item: Item, text: string | null): void {
    if (item.index !== null) this.#headerEdits.push({ index: item.index, field: text === null ? null : fieldOf(text) });
    else if (text === null) this.#bodyEdits.push({ start: item.start, end: item.end, text: "" });
    else this.#bodyEdits.push({ start: item.start, end: item.textEnd, text: safe(text, item.place === "body") });
  }

  /** Above the header block for a field of the message, right before it elsewhere. */
  #prepend(item: Item, text: string): void {
    if (item.index !== null) {
      const { header, value } = fieldOf(text);
      this.#changes.push({ op: "prepend", header, value });
    } else {
      this.#bodyEdits.push({ start: item.start, end: item.start, text: `${safe(text, item.place === "body")}\r\n` });
    }
  }
}

function fieldOf(text: string): { readonly header: string; readonly value: string } {
  const colon = text.indexOf(":");
  return { header: text.slice(0, colon).trimEnd(), value: safe(text.slice(colon + 1), false).trim() };
}

/** What a group took may have line ends in it: they fold a field, and are blanks in a line. */
function safe(text: string, isLine: boolean): string {
  const folded = isLine ? text : text.replace(/\r?\n(?=[ \t]*[^ \t\r\n])/g, "\r\n").replace(/\r\n(?![ \t])/g, " ");
  const lines = isLine ? [text] : folded.split("\r\n");
  return lines.map((line) => line.replace(/[\u0000-\u0008\u000a-\u001f\u007f]+/g, " ")).join("\r\n");
}
