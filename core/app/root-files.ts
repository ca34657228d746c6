/**
 * Certificates that only root may read, after the workers have become somebody else: a worker asks the primary, which stays what
 * it was. The primary answers for the files that the config names and for no others. A file that it cannot read either, and a
 * primary that does not answer, are faults as if the worker had read itself.
 */
import { type CertificateReader, certificatesOnDisk } from "../net/certificate-reader.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

type Asked = Extract<FromWorker, { is: "file" }>;
type Answered = Extract<ToWorker, { is: "file" }>;

const ANSWER_TIMEOUT_MS = 10_000;
/** No certificate is so large. */
const SIZE_LIMIT = 1024 * 1024;

/** The worker's side: what it may read itself it reads itself. */
export class RootFiles implements CertificateReader {
  readonly #ask: (message: Asked) => void;
  readonly #waiting = new Map<number, (answer: Answered) => void>();
  #lastAsk = 0;

  constructor(ask: (message: Asked) => void) {
    this.#ask = ask;
  }

  async stamp(path: string): Promise<string> {
    const own = await certificatesOnDisk.stamp(path);
    return own === "EACCES" ? (await this.#question("stamp", path)).stamp : own;
  }

  async read(path: string): Promise<Buffer> {
    try {
      return await certificatesOnDisk.read(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
      const { content } = await this.#question("read", path);
      if (content === null) throw error;
      return Buffer.from(content);
    }
  }

  /** What the primary says. */
  receive(answer: Answered): void {
    this.#waiting.get(answer.ask)?.(answer);
  }

  #question(what: Asked["what"], path: string): Promise<Answered> {
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    return new Promise((resolve) => {
      const end = (answer: Answered) => {
        clearTimeout(timer);
        this.#waiting.delete(ask);
        resolve(answer);
      };
      const timer = setTimeout(() => end({ is: "file", ask, stamp: "ETIMEDOUT", content: null }), ANSWER_TIMEOUT_MS);
      this.#waiting.set(ask, end);
      this.#ask({ is: "file", ask, what, path });
    });
  }
}

/** The primary's side. Never rejects. */
export async function answerFile(
  { ask, what, path }: Asked,
  paths: ReadonlySet<string>,
  reader: CertificateReader = certificatesOnDisk,
): Promise<Answered> {
  if (!paths.has(path)) return { is: "file", ask, stamp: "EACCES", content: null };
  if (what === "stamp") return { is: "file", ask, stamp: await reader.stamp(path), content: null };
  try {
    const content = await reader.read(path);
    return { is: "file", ask, stamp: "", content: content.length > SIZE_LIMIT ? null : content };
  } catch (error) {
    return { is: "file", ask, stamp: String((error as NodeJS.ErrnoException).code), content: null };
  }
}
