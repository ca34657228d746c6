/** Mail of local programs from the maildrop on: a flow, a directory on the real disk, and what is left in it. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, onTestFinished } from "vitest";
import { mailFindings } from "../maildrop/findings-mail.ts";
import type { LeftEnvelope } from "../maildrop/format.ts";
import { Leaving } from "../maildrop/leave.ts";
import { missingRecipients } from "../maildrop/missing-recipients.ts";
import { Pickup } from "../maildrop/pickup.ts";
import { type MaildropPlaces, prepareMaildrop } from "../maildrop/places.ts";
import { reportRefusals } from "../queue/refusal-report.ts";
import { defaultLimits } from "../smtp/config.ts";
import type { Listed } from "./kernel.ts";
import { type MailFlow, type MailFlowInit, openMailFlow } from "./mail-flow.ts";
import { directory } from "./mail-plugins.ts";

const flows: MailFlow[] = [];
const pickups: Pickup[] = [];
afterEach(async () => {
  for (const pickup of pickups.splice(0)) await pickup.stop();
  for (const flow of flows.splice(0).reverse()) await flow.close();
});

const here = directory(
  "example.org",
  "ann@example.org",
  "ben@example.org",
  "root@example.org",
  "postmaster@example.org",
);

export async function drop(): Promise<MaildropPlaces> {
  const root = join(await mkdtemp(join(tmpdir(), "postern-maildrop-")), "maildrop");
  onTestFinished(() => rm(join(root, ".."), { recursive: true, force: true }));
  return prepareMaildrop(root);
}

export async function flowOf(plugins: readonly Listed[], more: Partial<MailFlowInit> = {}): Promise<MailFlow> {
  const flow = await openMailFlow({ plugins: [here, ...plugins], ...more });
  flows.push(flow);
  return flow;
}

export async function pickUp(
  flow: MailFlow,
  places: MaildropPlaces,
  meanwhile: () => Promise<void> = async () => {},
): Promise<Pickup> {
  const { submit, log, clock, facts, spool } = flow;
  const room = { submit, facts, clock, log };
  const pickup = new Pickup({
    ...{ places, submit, log, clock, alarm: clock.alarm, limits: defaultLimits, expiryMs: 5 * 24 * 3_600_000 },
    report: (envelope, message, acceptedAt, refused) =>
      reportRefusals({ ...room, options: {} }, { envelope, message, acceptedAt, refused }),
    tellFindings: (envelope, findings) => mailFindings(room, envelope, findings),
    missingAfter: (id) => missingRecipients({ spool, facts }, id),
  });
  pickups.push(pickup);
  await pickup.recall();
  await meanwhile();
  await pickup.start();
  return pickup;
}

export interface Left extends Partial<Omit<LeftEnvelope, "recipients">> {
  readonly to?: readonly string[];
  readonly text?: string;
}

export function envelopeOf({ to = ["ann@example.org"], text: _, ...more }: Left): Omit<LeftEnvelope, "sizeBytes"> {
  return {
    ...{ purpose: "send", sender: "root@example.org", body: "7bit", isSmtpUtf8: false, ret: null, envid: null },
    recipients: to.map((address) => ({ address, notify: [], orcpt: null })),
    ...more,
  };
}

export const usualText = "Subject: hello\r\n\r\nHow are you?\r\n";

export function leave(places: MaildropPlaces, left: Left = {}): string {
  const leaving = new Leaving(places.fresh, process.getuid?.() ?? 0);
  leaving.write(Buffer.from(left.text ?? usualText, "latin1"));
  return leaving.finish(envelopeOf(left));
}

export const namesIn = (places: MaildropPlaces) =>
  Promise.all([readdir(places.fresh), readdir(places.taken), readdir(places.damaged)]);
export const logged = (flow: MailFlow, text: string) => flow.lines.filter((line) => line.text === text);
