/** Reports about whatever came: the machine's part has its fields and none that the client slipped in. */
import { english } from "../../../core/mail/dsn/english.ts";
import { german } from "../../../core/mail/dsn/german.ts";
import { buildReport } from "../../../core/mail/dsn/report.ts";
import { headerEnd } from "../../../core/mail/header.ts";
import { parseStructure } from "../../../core/mail/structure/structure-parser.ts";
import { messages } from "../corpus.ts";
import { hold, type Target } from "../target.ts";

export const target: Target = {
  name: "dsn",
  inputs: 300,
  corpus: messages,
  words: ["\r\nFinal-Recipient: rfc822; x@y\r\n", "--=_", "Content-Type: "],
  run(input, random) {
    const end = Math.max(headerEnd(input), 0);
    const hostile = input.toString("utf8").slice(0, 300);
    const { pieces } = buildReport({
      kind: random.pick(["failed", "delayed", "succeeded", "double"] as const),
      texts: random.pick([english, german]),
      id: "E1",
      nowMs: 0,
      to: "sender@example.net",
      postmaster: "postmaster@example.org",
      message: { reportingMta: "mx.example.org", arrivedAt: 0, originalEnvelopeId: hostile, queueId: "E1" },
      recipients: [
        {
          finalRecipient: "user@example.org",
          originalRecipient: { type: "rfc822", address: hostile },
          action: "failed",
          status: "5.0.0",
          remoteHost: hostile,
          diagnostic: hostile,
          lastAttemptAt: 0,
          willRetryUntil: null,
        },
      ],
      isSmtpUtf8: random.chance(0.5),
      original: {
        messageId: hostile,
        header: input.subarray(0, end),
        body: random.chance(0.5) ? [input.subarray(end)] : null,
      },
    });
    const report = Buffer.concat(pieces);
    const structure = parseStructure(report);
    hold(structure.subtype === "report", () => `a ${structure.type}/${structure.subtype}`);
    const status = structure.children[1];
    hold(status !== undefined && /delivery-status$/.test(status.subtype), () => "no delivery-status");
    const { start, length } = status?.body ?? { start: 0, length: 0 };
    const fields = report.toString("latin1", start, start + length);
    hold(fields.match(/^Final-Recipient:/gim)?.length === 1, () => "not one Final-Recipient");
    hold(!/\r(?!\n)|(?<!\r)\n|\0/.test(fields), () => "a bare line end or NUL");
  },
};
