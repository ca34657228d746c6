/**
 * Mail of local programs: the maildrop is made ready, what they have to know is written down, and what they leave is picked up. Where that
 * cannot be done the server runs all the same, and its log says why local programs are turned away.
 */
import type { Clock } from "../contracts/clock.ts";
import type { Log } from "../contracts/log.ts";
import type { ServerFacts } from "../contracts/server-facts.ts";
import type { Spool } from "../contracts/spool.ts";
import type { Submit } from "../contracts/submit.ts";
import type { ReportTexts } from "../mail/dsn/report-texts.ts";
import { writeFacts } from "../maildrop/facts.ts";
import { mailFindings } from "../maildrop/findings-mail.ts";
import { missingRecipients } from "../maildrop/missing-recipients.ts";
import { Pickup } from "../maildrop/pickup.ts";
import { prepareMaildrop } from "../maildrop/places.ts";
import type { QueueOptions } from "../queue/queue-options.ts";
import { reportRefusals } from "../queue/refusal-report.ts";
import type { ServerConfig } from "./config/server-config.ts";

export interface LocalMailParts {
  readonly config: ServerConfig;
  readonly submit: Submit;
  readonly spool: Spool;
  readonly facts: ServerFacts;
  readonly log: Log;
  readonly clock: Clock;
  readonly options: Partial<QueueOptions>;
  /** Languages of reports. */
  readonly reportTexts: readonly ReportTexts[];
}

export interface LocalMail {
  /** Answers how to stop it. Never rejects. */
  start(): Promise<() => Promise<void>>;
}

/** To be called before the queue starts. Never rejects. */
export async function openLocalMail(parts: LocalMailParts): Promise<LocalMail> {
  const { config, submit, spool, facts, log, clock, options, reportTexts } = parts;
  const room = { submit, facts, clock, log };
  const failed = (error: unknown) => {
    log.error({ err: error, maildrop: config.maildrop }, "local programs cannot leave mail");
    return async () => {};
  };
  try {
    const places = await prepareMaildrop(config.maildrop);
    const { dataDir, hostname, origin, limits, mailq } = config;
    const { messageSizeBytes } = limits;
    const queue = mailq === "nobody" ? null : places.queue;
    await writeFacts(dataDir, {
      ...{ format: 1, maildrop: places.fresh, dataDir, queue, origin, hostname, messageSizeBytes },
    });
    const pickup = new Pickup({
      ...{ places, submit, log, clock, limits, expiryMs: config.queue.expiryMs },
      report: (envelope, message, acceptedAt, refused) =>
        reportRefusals({ ...room, options, reportTexts }, { envelope, message, acceptedAt, refused }),
      tellFindings: (envelope, findings) => mailFindings(room, envelope, findings),
      missingAfter: (id) => missingRecipients({ spool, facts }, id),
    });
    await pickup.recall();
    return {
      start: () =>
        pickup.start().then(
          () => () => pickup.stop(),
          (error: unknown) => failed(error),
        ),
    };
  } catch (error) {
    const stop = failed(error);
    return { start: async () => stop };
  }
}
