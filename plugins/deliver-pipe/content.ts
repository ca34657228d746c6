/** What a command reads: the fields that final delivery puts in front, then the message in the form that was asked for. */
import { localMessage, mboxFromLine } from "postern/mail";
import type { Delivery, Recipient } from "postern/plugin";
import { originalOf } from "./macros.ts";
import type { PipeOptions } from "./options.ts";

export type ContentOptions = Pick<PipeOptions, "fields" | "lineEnds"> & { readonly nowMs: number };

export function contentFor(
  { envelope, message }: Pick<Delivery, "envelope" | "message">,
  recipient: Recipient,
  { fields, lineEnds, nowMs }: ContentOptions,
): AsyncIterable<Uint8Array> {
  const isMbox = fields.includes("fromLine");
  const has = (field: PipeOptions["fields"][number], name: string, value: string) =>
    fields.includes(field) ? [[name, value] as const] : [];
  return localMessage(message.content(), {
    lineEnd: lineEnds,
    quotesFrom: isMbox,
    // RFC 5321 4.4: the one that counts is written by the last server
    without: fields.includes("returnPath") ? ["return-path"] : [],
    fromLine: isMbox ? mboxFromLine(String(envelope.reversePath ?? "MAILER-DAEMON"), nowMs) : null,
    fields: [
      ...has("returnPath", "Return-Path", `<${envelope.reversePath ?? ""}>`),
      ...has("originalTo", "X-Original-To", originalOf(recipient)),
      ...has("deliveredTo", "Delivered-To", String(recipient.address)),
    ],
  });
}
