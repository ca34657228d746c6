/**
 * Fetches a policy of MTA-STS (RFC 8461 3.3) over HTTPS: no redirects, a certificate that an authority vouches for, at most 64 KiB within a minute,
 * and plain text. Never rejects.
 */
import type { LookupAddress } from "node:dns";
import { request } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Resolver } from "postern/plugin";
import type { StsFailure } from "./sts-policy.ts";

export interface StsFetchOptions {
  readonly resolver: Pick<Resolver, "addresses">;
  /** 443 if left out. */
  readonly port?: number;
  /** PEM; the system's authorities if left out. */
  readonly ca?: string;
  /** For all of it. One minute if left out. */
  readonly timeoutMs?: number;
  /** Calls it off. */
  readonly signal?: AbortSignal;
}

export type Fetched = { readonly text: string } | { readonly failure: StsFailure };

const TIMEOUT_MS = 60_000;
const SIZE_LIMIT_BYTES = 65_536;

export function fetchStsPolicy(
  domain: string,
  { resolver, port = 443, ca, timeoutMs = TIMEOUT_MS, signal: off }: StsFetchOptions,
): Promise<Fetched> {
  const host = `mta-sts.${domain}`;
  const late = AbortSignal.timeout(timeoutMs);
  const signal = off ? AbortSignal.any([late, off]) : late;
  return new Promise((resolve) => {
    const fail = (kind: StsFailure["kind"], reason: string) =>
      resolve({
        failure: { kind, reason: `https://${host}: ${reason.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ")}` },
      });
    const asked = request(
      {
        host,
        port,
        path: "/.well-known/mta-sts.txt",
        headers: { "user-agent": "Postern", accept: "text/plain" },
        lookup: lookupBy(resolver, signal),
        agent: false,
        signal,
        minVersion: "TLSv1.2",
        ...(ca !== undefined && { ca }),
      },
      (response) => {
        const end = (reason: string) => {
          response.destroy();
          fail("sts-policy-fetch-error", reason);
        };
        const { statusCode, headers } = response;
        // RFC 8461 3.3: 3xx must not be followed
        if (statusCode !== 200) return end(`status ${statusCode}`);
        const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
        if (type !== "text/plain") return end("it is not text/plain");
        const pieces: Buffer[] = [];
        let size = 0;
        response.on("data", (piece: Buffer) => {
          size += piece.length;
          if (size > SIZE_LIMIT_BYTES) return end(`it is larger than ${SIZE_LIMIT_BYTES} octets`);
          pieces.push(piece);
        });
        response.on("end", () => resolve({ text: Buffer.concat(pieces).toString("utf8") }));
        // It breaks off: `end` never comes.
        response.on("close", () => fail("sts-policy-fetch-error", "the answer broke off"));
        response.on("error", (error) => fail("sts-policy-fetch-error", error.message));
      },
    );
    asked.on("error", (error: NodeJS.ErrnoException) => {
      if (signal.aborted) return fail("sts-policy-fetch-error", "no answer in time");
      fail(isAboutCertificate(error) ? "sts-webpki-invalid" : "sts-policy-fetch-error", error.message);
    });
    asked.end();
  });
}

// As Node and OpenSSL call what may be wrong with a certificate.
const isAboutCertificate = ({ code = "" }: NodeJS.ErrnoException): boolean =>
  /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH)/.test(
    code,
  );

/** Names are looked up by the server's own resolver, not by the system's. */
const lookupBy =
  (resolver: Pick<Resolver, "addresses">, signal: AbortSignal): LookupFunction =>
  (host, { all }, callback) => {
    void resolver.addresses(host, signal).then((answer) => {
      const found: LookupAddress[] =
        answer.at === "found" ? answer.records.map(({ address }) => ({ address, family: isIP(address) })) : [];
      const [first] = found;
      if (first === undefined) {
        const reason = answer.at === "failed" ? answer.reason : "ENOTFOUND";
        callback(Object.assign(new Error(`${host} cannot be looked up: ${reason}`), { code: reason }), "", 4);
      } else if (all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
