/**
 * Counts for reports about TLS (RFC 8460), by day and domain, only for domains that want reports. Collected in memory for a minute, then added to
 * what all workers have counted; a crash loses that minute, and a KeyValue that cannot take it loses it too, with a warning. Never holds up
 * or fails a delivery.
 */
import type {
  Clock,
  KeyValueSpace,
  Log,
  OutboundFacts,
  Resolver,
  TlsReporter,
  TlsReportQuestion,
} from "postern/plugin";
import type { TlsDecision, TlsQuestion } from "./decision.ts";
import { readReportRecord, tlsReport } from "./rpt-report.ts";
import { reportedSession } from "./rpt-session.ts";
import { addTally, type Tally, tallyOf } from "./rpt-tally.ts";

export interface TlsReportsParts {
  readonly space: KeyValueSpace<Tally>;
  readonly resolver: Pick<Resolver, "txt">;
  readonly clock: Clock;
  readonly log: Log;
}

const FLUSH_MS = 60_000;
const DAY_MS = 86_400_000;
// RFC 8460 4.1: on the day after, and with some days for those who could not send then
const KEPT_MS = 8 * DAY_MS;
const PENDING_LIMIT = 1_000;
/** Of one day. */
const DOMAINS_LIMIT = 100_000;

export class TlsReports implements TlsReporter {
  readonly #parts: TlsReportsParts;
  #pending = new Map<string, { readonly day: string; readonly domain: string; tally: Tally }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: TlsReportsParts) {
    this.#parts = parts;
  }

  /** `facts: null`: nobody connected, as the decision was against it. */
  note(question: TlsQuestion, decision: TlsDecision, facts: OutboundFacts | null): void {
    const session = reportedSession(question, decision, facts);
    if (session === null) return;
    const day = dayOf(this.#parts.clock.now());
    const domain = question.nextHop.host;
    const key = `${day}/${domain}`;
    const known = this.#pending.get(key);
    if (known) known.tally = addTally(known.tally, tallyOf(session));
    else if (this.#pending.size < PENDING_LIMIT) this.#pending.set(key, { day, domain, tally: tallyOf(session) });
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }

  /** Never rejects. */
  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const pending = [...this.#pending];
    this.#pending = new Map();
    for (const [key, { day, domain, tally }] of pending) {
      try {
        if ((await this.#targets(domain)).length === 0) continue;
        const expiresAtMs = Date.parse(`${day}T00:00:00Z`) + KEPT_MS;
        await this.#parts.space.update(key, (held) => ({ value: addTally(held ?? [], tally), expiresAtMs }));
      } catch (error) {
        this.#parts.log.warn({ domain, error }, "sessions could not be counted for a report about TLS");
      }
    }
  }

  /** For domains that wanted reports when they were counted. */
  async reports({ day, domain, organization, contact }: TlsReportQuestion): ReturnType<TlsReporter["reports"]> {
    const { space } = this.#parts;
    const counted =
      domain === null
        ? await space.list(`${day}/`, DOMAINS_LIMIT)
        : [{ key: `${day}/${domain}`, value: (await space.get(`${day}/${domain}`)) ?? [] }];
    return counted.flatMap(({ key, value: tally }) => {
      const about = key.slice(day.length + 1);
      const id = `${day}T00:00:00Z_${about}@${organization}`;
      const parts = { domain: about, day, tally, organization, contact, id };
      return tally.length === 0 ? [] : [{ domain: about, report: tlsReport(parts) }];
    });
  }

  async #targets(domain: string): Promise<readonly string[]> {
    const texts = await this.#parts.resolver.txt(`_smtp._tls.${domain}`);
    return texts.at === "found" ? readReportRecord(texts.records) : [];
  }
}

const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
