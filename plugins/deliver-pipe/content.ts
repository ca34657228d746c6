/** What a command reads: the fields that final delivery puts in front, then the message in the form that was asked for. */
import { inLocalFormat } from "postern/mail";
import type { Delivery, Recipient } from "postern/plugin";
import { originalOf } from "./macros.ts";
import type { PipeOptions } from "./options.ts";

export type ContentOptions = Pick<PipeOptions, "fields" | "lineEnds"> & { readonly nowMs: number };

export async function* contentFor(
  { envelope, message }: Pick<Delivery, "envelope" | "message">,
  recipient: Recipient,
  { fields, lineEnds, nowMs }: ContentOptions,
): AsyncGenerator<Uint8Array> {
  const end = lineEnds === "crlf" ? "\r\n" : "\n";
  const lines: string[] = [];
  // mbox has a date of ctime(3), in UTC
  if (fields.includes("fromLine")) lines.push(`From ${envelope.reversePath ?? "MAILER-DAEMON"} ${ctime(nowMs)}`);
  if (fields.includes("returnPath")) lines.push(`Return-Path: <${envelope.reversePath ?? ""}>`);
  if (fields.includes("originalTo")) lines.push(`X-Original-To: ${originalOf(recipient)}`);
  if (fields.includes("deliveredTo")) lines.push(`Delivered-To: ${recipient.address}`);
  if (lines.length > 0) yield Buffer.from(lines.map((line) => `${line}${end}`).join(""));
  yield* inLocalFormat(message.content(), {
    lineEnd: lineEnds,
    quotesFrom: fields.includes("fromLine"),
    // RFC 5321 4.4: the one that counts is written by the last server
    without: fields.includes("returnPath") ? ["return-path"] : [],
  });
  if (fields.includes("fromLine")) yield Buffer.from(end);
}

function ctime(nowMs: number): string {
  const [, day, date = "", month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) (\S+)/.exec(new Date(nowMs).toUTCString()) ?? [];
  return `${day} ${month} ${date.replace(/^0/, " ")} ${time} ${year}`;
}
