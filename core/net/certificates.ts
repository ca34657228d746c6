/**
 * The server's certificates, followed on disk: a renewed pair is used for the next handshake, sessions that are under way
 * keep theirs. `openCertificates` throws `CertificateError` if the pair cannot be used; later, a pair that is half-written
 * or broken is logged once and the former one stays in use.
 */
import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Certificates } from "../contracts/certificates.ts";
import type { Log } from "../contracts/log.ts";
import { type CertificateFiles, type CertificatePair, loadCertificatePair } from "./certificate-pair.ts";

/** Handshakes look at the files at most this often. */
const CHECK_EVERY_MS = 3_000;
const SETTLE_MS = 250;
const WARN_BEFORE_MS = 7 * 86_400_000;

export interface CertificatesDeps {
  readonly log: Log;
  /** Monotonic or not, only differences count. Default: the process's clock. */
  readonly nowMs?: () => number;
}

export interface OpenCertificates extends Certificates {
  /** Looks at the files now; resolves when what is found is in use. */
  refresh(): Promise<void>;
  close(): void;
}

export async function openCertificates(files: CertificateFiles, deps: CertificatesDeps): Promise<OpenCertificates> {
  const state = await signature(files);
  const pair = await loadCertificatePair(files);
  return new FileCertificates(files, deps, pair, state);
}

/** What a server without certificates has. */
export const noCertificates: Certificates = {
  isAvailable: false,
  serverOptions: () => {
    throw new Error("there is no certificate");
  },
};

class FileCertificates implements OpenCertificates {
  readonly isAvailable = true;
  readonly #files: CertificateFiles;
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #watchers: FSWatcher[] = [];
  #pair: CertificatePair;
  /** Of the files as they were when last looked at, good or broken. */
  #seen: string;
  #checkedAt: number;
  #refreshing: Promise<void> | null = null;
  #settling: NodeJS.Timeout | null = null;

  constructor(files: CertificateFiles, deps: CertificatesDeps, pair: CertificatePair, seen: string) {
    this.#files = files;
    this.#log = deps.log;
    this.#nowMs = deps.nowMs ?? (() => performance.now());
    this.#pair = pair;
    this.#seen = seen;
    this.#checkedAt = this.#nowMs();
    this.#warnOfExpiry();
    this.#watch();
  }

  serverOptions(): ReturnType<Certificates["serverOptions"]> {
    if (this.#nowMs() - this.#checkedAt >= CHECK_EVERY_MS) {
      // This handshake does not wait for it; the next one has the new pair.
      this.#lookAgain();
    }
    return { secureContext: this.#pair.secureContext, requestCert: false };
  }

  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  close(): void {
    if (this.#settling) clearTimeout(this.#settling);
    for (const watcher of this.#watchers) watcher.close();
  }

  async #refresh(): Promise<void> {
    this.#checkedAt = this.#nowMs();
    const now = await signature(this.#files);
    if (now === this.#seen) return;
    try {
      const pair = await loadCertificatePair(this.#files);
      // Changed while it was read: what was read may be half of each. The next look takes it.
      if ((await signature(this.#files)) !== now) return;
      this.#pair = pair;
      this.#log.info({ cert: this.#files.cert, names: pair.names, notAfter: pair.notAfter }, "new certificate in use");
      this.#warnOfExpiry();
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.error({ cause }, "the new certificate cannot be used; the former one stays in use");
    }
    this.#seen = now;
  }

  /** Only a hint: what a watcher misses is found at a handshake. */
  #watch(): void {
    const directories = new Set([dirname(this.#files.cert), dirname(this.#files.key)]);
    for (const directory of directories) {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#refreshSoon());
        watcher.on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch (error) {
        this.#log.debug({ directory, err: error }, "directory cannot be watched for a new certificate");
      }
    }
  }

  #refreshSoon(): void {
    // A renewal changes several files, one after the other.
    if (this.#settling) return;
    this.#settling = setTimeout(() => {
      this.#settling = null;
      this.#lookAgain();
    }, SETTLE_MS);
    this.#settling.unref();
  }

  #lookAgain(): void {
    this.refresh().catch((error: unknown) => this.#log.error({ err: error }, "certificates could not be looked at"));
  }

  #warnOfExpiry(): void {
    const { notAfter } = this.#pair;
    const fields = { cert: this.#files.cert, notAfter };
    if (notAfter.getTime() < Date.now()) this.#log.error(fields, "the certificate has expired");
    else if (notAfter.getTime() < Date.now() + WARN_BEFORE_MS) this.#log.warn(fields, "the certificate expires soon");
  }
}

/** Changes when either file does; a link that now leads elsewhere counts. */
async function signature(files: CertificateFiles): Promise<string> {
  const one = async (path: string): Promise<string> => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      return `${ino}.${size}.${mtimeMs}.${ctimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  };
  return `${await one(files.cert)}/${await one(files.key)}`;
}
