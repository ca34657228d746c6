/**
 * Reports about TLS (RFC 8460) that have been counted here, to be looked at: `postern tls-report`. Who counts sessions registers with
 * `TlsReporters`. The running server needs nobody here, so plugins ask for `optional(TlsReporters)`.
 */
import { defineService } from "./service.ts";

export interface TlsReportQuestion {
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  /** `null`: all that reports were counted for. */
  readonly domain: string | null;
  /** Who reports. */
  readonly organization: string;
  /** A mail address. */
  readonly contact: string;
}

export interface TlsReporter {
  /** The JSON document of each domain, in order of domains. Rejects when they cannot be read. */
  reports(question: TlsReportQuestion): Promise<readonly { readonly domain: string; readonly report: object }[]>;
}

export interface TlsReporters {
  /** Call it in `setup`. */
  register(reporter: TlsReporter): void;
  /** In the order of the operator's list. */
  readonly all: readonly TlsReporter[];
}
export const TlsReporters = defineService<TlsReporters>("postern/tls-reporters@1");
