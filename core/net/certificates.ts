/**
 * The server's certificates, followed on disk: renewed ones are used for the next handshake, sessions that are under way keep
 * theirs. `openCertificates` throws `CertificateError` if they cannot be used; later, what is half-written is waited for, what
 * stays broken is logged once, and the former ones stay in use.
 */
import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Certificates } from "../contracts/certificates.ts";
import type { Log } from "../contracts/log.ts";
import { CertificateChoice } from "./certificate-choice.ts";
import { type CertificateFiles, type CertificatePair, loadCertificatePair, loadClientCa } from "./certificate-pair.ts";
import { type CertificateReader, certificatesOnDisk } from "./certificate-reader.ts";

/** Handshakes look at the files at most this often. */
const CHECK_EVERY_MS = 3_000;
/** Where nobody shakes hands, and no watcher tells. */
const LOOK_EVERY_MS = 60_000;
const SETTLE_MS = 250;
/** So long a renewal may leave a key and a certificate that do not fit. */
const PATIENCE_MS = 10_000;
const LOOK_AGAIN_MS = 1_000;
const WARN_BEFORE_MS = 14 * 86_400_000;

/** Whether clients are asked for a certificate, and the file with the authorities that vouch for them. */
export interface ClientCertificates {
  readonly wanted: "none" | "ask" | "require";
  readonly ca: string | null;
}

export interface CertificatesDeps {
  readonly log: Log;
  readonly clients?: ClientCertificates;
  readonly reader?: CertificateReader;
  /** Monotonic or not, only differences count. Default: the process's clock. */
  readonly nowMs?: () => number;
}

export interface OpenCertificates extends Certificates {
  /** Looks at the files now; resolves when what is found is in use. */
  refresh(): Promise<void>;
  close(): void;
}

/** The first one is for clients that ask for no name. */
export async function openCertificates(
  files: CertificateFiles | readonly CertificateFiles[],
  deps: CertificatesDeps,
): Promise<OpenCertificates> {
  const source = new CertificateSource("cert" in files ? [files] : files, deps);
  const seen = await source.stamp();
  return new FileCertificates(source, deps, await source.load(), seen);
}

/** What a server without certificates has. */
export const noCertificates: Certificates = {
  isAvailable: false,
  serverOptions: () => {
    throw new Error("there is no certificate");
  },
};

interface Loaded {
  readonly pairs: readonly CertificatePair[];
  readonly choice: CertificateChoice;
}

/** All the files that one set of certificates comes from. */
class CertificateSource {
  readonly paths: readonly string[];
  readonly #files: readonly CertificateFiles[];
  readonly #ca: string | null;
  readonly #reader: CertificateReader;

  constructor(files: readonly CertificateFiles[], { clients, reader = certificatesOnDisk }: CertificatesDeps) {
    this.#files = files;
    this.#ca = clients && clients.wanted !== "none" ? clients.ca : null;
    this.#reader = reader;
    const paths = files.flatMap(({ cert, key }) => [cert, key]);
    this.paths = [...new Set(this.#ca === null ? paths : [...paths, this.#ca])];
  }

  /** Changes when any of the files does. */
  async stamp(): Promise<string> {
    return (await Promise.all(this.paths.map((path) => this.#reader.stamp(path)))).join("/");
  }

  async load(): Promise<Loaded> {
    const pairs: CertificatePair[] = [];
    for (const files of this.#files) pairs.push(await loadCertificatePair(files, this.#reader));
    const clientCa = this.#ca === null ? null : await loadClientCa(this.#ca, this.#reader);
    return { pairs, choice: new CertificateChoice(pairs, clientCa) };
  }
}

class FileCertificates implements OpenCertificates {
  readonly isAvailable = true;
  readonly #source: CertificateSource;
  readonly #clients: ClientCertificates;
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #watchers: FSWatcher[] = [];
  readonly #looking: NodeJS.Timeout;
  #loaded: Loaded;
  /** Of the files as they were when last taken, or given up. */
  #seen: string;
  #checkedAt: number;
  #brokenSince: number | null = null;
  #refreshing: Promise<void> | null = null;
  #settling: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(source: CertificateSource, deps: CertificatesDeps, loaded: Loaded, seen: string) {
    this.#source = source;
    this.#clients = deps.clients ?? { wanted: "none", ca: null };
    this.#log = deps.log;
    this.#nowMs = deps.nowMs ?? (() => performance.now());
    this.#loaded = loaded;
    this.#seen = seen;
    this.#checkedAt = this.#nowMs();
    this.#warnOfExpiry();
    this.#watch();
    this.#looking = setInterval(() => this.#lookAgain(), LOOK_EVERY_MS).unref();
  }

  serverOptions(): ReturnType<Certificates["serverOptions"]> {
    if (this.#nowMs() - this.#checkedAt >= CHECK_EVERY_MS) {
      // This handshake does not wait for it; the next one has the new ones.
      this.#lookAgain();
    }
    const { choice } = this.#loaded;
    const { wanted } = this.#clients;
    const options = {
      secureContext: choice.byDefault,
      requestCert: wanted !== "none",
      rejectUnauthorized: wanted === "require",
    };
    if (!choice.isNamed) return options;
    return { ...options, contextFor: (servername) => choice.forName(servername) };
  }

  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#settling) clearTimeout(this.#settling);
    clearInterval(this.#looking);
    for (const watcher of this.#watchers) watcher.close();
  }

  async #refresh(): Promise<void> {
    this.#checkedAt = this.#nowMs();
    const now = await this.#source.stamp();
    if (now === this.#seen) {
      this.#brokenSince = null;
      return;
    }
    try {
      const loaded = await this.#source.load();
      // Changed while it was read: what was read may be half of each. The next look takes it.
      if ((await this.#source.stamp()) !== now) {
        this.#refreshSoon(SETTLE_MS);
        return;
      }
      this.#loaded = loaded;
      this.#brokenSince = null;
      for (const { files, names, notAfter } of loaded.pairs)
        this.#log.info({ cert: files.cert, names, notAfter }, "new certificate in use");
      this.#warnOfExpiry();
    } catch (error) {
      // A renewal writes one file after the other.
      this.#brokenSince ??= this.#nowMs();
      if (this.#nowMs() - this.#brokenSince < PATIENCE_MS) {
        this.#refreshSoon(LOOK_AGAIN_MS);
        return;
      }
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.error({ cause }, "the new certificate cannot be used; the former one stays in use");
      this.#brokenSince = null;
    }
    this.#seen = now;
  }

  /** Only a hint: what a watcher misses is found at a handshake. */
  #watch(): void {
    for (const directory of new Set(this.#source.paths.map((path) => dirname(path)))) {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#refreshSoon(SETTLE_MS));
        watcher.on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch (error) {
        this.#log.debug({ directory, err: error }, "directory cannot be watched for a new certificate");
      }
    }
  }

  #refreshSoon(waitMs: number): void {
    // A renewal changes several files, one after the other.
    if (this.#settling || this.#isClosed) return;
    this.#settling = setTimeout(() => {
      this.#settling = null;
      this.#lookAgain();
    }, waitMs);
    this.#settling.unref();
  }

  #lookAgain(): void {
    this.refresh().catch((error: unknown) => this.#log.error({ err: error }, "certificates could not be looked at"));
  }

  #warnOfExpiry(): void {
    for (const { files, notAfter } of this.#loaded.pairs) {
      const fields = { cert: files.cert, notAfter };
      if (notAfter.getTime() < Date.now()) this.#log.error(fields, "the certificate has expired");
      else if (notAfter.getTime() < Date.now() + WARN_BEFORE_MS) this.#log.warn(fields, "the certificate expires soon");
    }
  }
}
