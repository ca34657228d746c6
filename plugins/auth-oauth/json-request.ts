/**
 * One HTTP request that answers JSON: bounded in time, in size and in number, no redirects. Rejects with a text for the log that
 * holds neither token nor secret.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";

export interface JsonRequestOptions {
  readonly timeoutMs: number;
  /** PEM; `null`: the authorities that Node knows. */
  readonly ca: string | null;
}

export interface JsonRequest {
  readonly url: URL;
  /** Sent as a form, by POST. */
  readonly form?: Readonly<Record<string, string>>;
  readonly authorization?: string;
}

const SIZE_LIMIT_BYTES = 256 * 1024;
const AT_ONCE = 64;

export class JsonClient {
  readonly #options: JsonRequestOptions;
  #atOnce = 0;

  constructor(options: JsonRequestOptions) {
    this.#options = options;
  }

  async ask(asked: JsonRequest, signal: AbortSignal | null): Promise<unknown> {
    if (this.#atOnce >= AT_ONCE) throw new Error(`more than ${AT_ONCE} requests at once`);
    this.#atOnce++;
    try {
      const timeout = AbortSignal.timeout(this.#options.timeoutMs);
      return await this.#ask(asked, signal === null ? timeout : AbortSignal.any([timeout, signal]));
    } finally {
      this.#atOnce--;
    }
  }

  async #ask(asked: JsonRequest, signal: AbortSignal): Promise<unknown> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = this.#open(asked, signal);
      request.once("response", resolve);
      request.once("error", reject);
      request.end(asked.form && new URLSearchParams(asked.form).toString());
    });
    if (response.statusCode !== 200) {
      response.resume();
      throw new Error(`${asked.url.host} answered ${response.statusCode}`);
    }
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      sizeBytes += piece.length;
      if (sizeBytes > SIZE_LIMIT_BYTES) {
        response.destroy();
        throw new Error(`${asked.url.host} answered more than ${SIZE_LIMIT_BYTES} octets`);
      }
      pieces.push(piece);
    }
    try {
      return JSON.parse(Buffer.concat(pieces).toString("utf8"));
    } catch (cause) {
      throw new Error(`${asked.url.host} answered no JSON`, { cause });
    }
  }

  #open({ url, form, authorization }: JsonRequest, signal: AbortSignal): ClientRequest {
    const options = {
      method: form ? "POST" : "GET",
      signal,
      headers: {
        accept: "application/json",
        ...(form && { "content-type": "application/x-www-form-urlencoded" }),
        ...(authorization !== undefined && { authorization }),
      },
    };
    if (url.protocol === "http:") return httpRequest(url, options);
    return httpsRequest(url, this.#options.ca === null ? options : { ...options, ca: this.#options.ca });
  }
}

/** A text says what is wrong: tokens and keys travel encrypted, or stay on this machine. */
export function endpoint(text: string): URL | string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === "https:") return url;
  const isHere = url?.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  return url && isHere ? url : `${JSON.stringify(text)} is no https URL (http is for this machine only)`;
}
