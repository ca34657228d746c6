/** The answer to `sendmail -bv`: what would become of a message to these addresses. A mail to the one who asked, from nobody. */
import type { Clock } from "../contracts/clock.ts";
import type { Envelope } from "../contracts/envelope.ts";
import type { Log } from "../contracts/log.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Submit } from "../contracts/submit.ts";
import { formatDate } from "../mail/date.ts";
import { formatField, safeText } from "../mail/header.ts";
import type { Finding } from "./hand-over.ts";

export interface FindingsRoom {
  readonly submit: Submit;
  readonly facts: ServerFacts;
  readonly clock: Clock;
  readonly log: Log;
}

/** `true`: it is on its way, or nobody is to be told. `false`: not now. */
export async function mailFindings(
  room: FindingsRoom,
  { id, reversePath }: Envelope,
  findings: readonly Finding[],
): Promise<boolean> {
  if (reversePath === null) return true;
  const { facts, clock, log } = room;
  const isGlobal = findings.some(({ address }) => /[^\u0000-\u007f]/.test(address));
  const draft = room.submit.open({
    ...{ origin: "bounce", session: null, reversePath: null, body: isGlobal ? "8bitmime" : "7bit" },
    ...{ isSmtpUtf8: isGlobal, requiresTls: false, ret: null, envid: null },
  });
  try {
    const admission = await draft.admit({ address: reversePath, orcpt: null, notify: new Set(["never"]) });
    if (admission.at === "refused") {
      log.warn({ id, to: reversePath.toString() }, "who asked about addresses cannot be told");
      return admission.isPermanent;
    }
    const intake = draft.receive(null);
    const fields: readonly (readonly [string, string])[] = [
      ["Date", formatDate(clock.now())],
      ["From", `Mail Delivery System <${facts.postmaster}>`],
      ["To", `<${reversePath}>`],
      ["Subject", "What would become of a message"],
      ["Message-ID", `<${id}.findings@${facts.hostname}>`],
      // RFC 3834 5
      ["Auto-Submitted", "auto-replied"],
      ["MIME-Version", "1.0"],
      ["Content-Type", `text/plain; charset=${isGlobal ? "utf-8" : "us-ascii"}`],
      ...(isGlobal ? [["Content-Transfer-Encoding", "8bit"] as const] : []),
    ];
    const header = fields.map(([name, value]) => formatField(name, value)).join("");
    const lines = [
      "You asked what would become of a message to these addresses. Nothing was sent.",
      "",
      ...findings.map(lineOf),
    ];
    await intake.write(Buffer.from(`${header}\r\n${lines.map((line) => `${line}\r\n`).join("")}`));
    const submitted = await draft.submit(await intake.end());
    return submitted.at !== "refused" || submitted.isPermanent;
  } finally {
    await draft.close();
  }
}

function lineOf({ address, refused, targets }: Finding): string {
  const name = `<${safeText(address)}>`;
  if (refused !== null) {
    const { code = refused.isPermanent ? 550 : 451, detail, text } = refused.refusal;
    const status = detail === undefined ? "" : `${Math.floor(code / 100)}.${detail} `;
    return `${name}: ${refused.isPermanent ? "undeliverable" : "cannot be told now"}: ${code} ${status}${safeText(text)}`;
  }
  const others = targets.filter((target) => target !== address);
  return `${name}: deliverable${
    others.length === 0
      ? ""
      : ` to ${others
          .slice(0, 100)
          .map((target) => `<${target}>`)
          .join(", ")}`
  }`;
}
