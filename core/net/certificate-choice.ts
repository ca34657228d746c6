/**
 * Which certificate a client gets: by the name that it asks for (SNI, RFC 6066 3), the first one if it asks for none that is
 * here. Certificates of different key types for the same name stand side by side, and the handshake takes what the client can.
 * Throws `CertificateError` if they cannot be used; made anew as a whole whenever one of them changes.
 */
import { constants, randomBytes } from "node:crypto";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { CertificatePair } from "./certificate-pair.ts";
import { CertificateError } from "./net-errors.ts";

/** All with forward secrecy. CBC suites stand last: an old mail server would else fall back to clear text. */
const CIPHERS = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE+AESGCM",
  "ECDHE+CHACHA20",
  "ECDHE+AES",
  "!aNULL",
  "!eNULL",
].join(":");

export class CertificateChoice {
  /** For clients that ask for no name, or for one that is not here. */
  readonly byDefault: SecureContext;
  readonly #pairs: readonly CertificatePair[];
  readonly #clientCa: Buffer | null;
  readonly #byName = new Map<string, SecureContext>();
  readonly #byPairs = new Map<string, SecureContext>();

  /** `pairs` is not empty. */
  constructor(pairs: readonly CertificatePair[], clientCa: Buffer | null) {
    this.#pairs = pairs;
    this.#clientCa = clientCa;
    const first = pairs[0];
    if (!first) throw new CertificateError("there is no certificate");
    const besideFirst = (pair: CertificatePair) =>
      pair === first || (first.dnsNames.length > 0 && first.dnsNames.every((name) => pair.dnsNames.includes(name)));
    this.byDefault = this.#contextOf(pairs.filter(besideFirst));
    for (const name of new Set(pairs.flatMap(({ dnsNames }) => dnsNames)))
      this.#byName.set(name, this.#contextOf(pairs.filter(({ dnsNames }) => dnsNames.includes(name))));
  }

  /** Whether the name that a client asks for makes a difference. */
  get isNamed(): boolean {
    return this.#byPairs.size > 1;
  }

  forName(servername: string): SecureContext {
    const name = servername.toLowerCase();
    // RFC 6125 6.4.3: a wildcard stands for one whole label, the leftmost.
    return this.#byName.get(name) ?? this.#byName.get(name.replace(/^[^.]+\./, "*.")) ?? this.byDefault;
  }

  #contextOf(candidates: readonly CertificatePair[]): SecureContext {
    const pairs = candidates.filter(
      (pair, at) => candidates.findIndex(({ keyType }) => keyType === pair.keyType) === at,
    );
    const key = pairs.map((pair) => this.#pairs.indexOf(pair)).join();
    const known = this.#byPairs.get(key);
    if (known) return known;
    const context = createContext(pairs, this.#clientCa);
    this.#byPairs.set(key, context);
    return context;
  }
}

function createContext(pairs: readonly CertificatePair[], clientCa: Buffer | null): SecureContext {
  const options: SecureContextOptions = {
    cert: pairs.map(({ chainPem }) => chainPem),
    key: pairs.map(({ keyPem }) => keyPem),
    // Without a list of our own nobody vouches for a client, not the authorities of the world wide web either.
    ca: clientCa ?? [],
    // RFC 8996: TLS 1.0 and 1.1 are not to be used
    minVersion: "TLSv1.2",
    ciphers: CIPHERS,
    honorCipherOrder: true,
    // A client that begins anew and anew costs us a key exchange each time.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    // A session that is resumed keeps what was found out about the client's certificate: only within this context.
    sessionIdContext: randomBytes(16).toString("hex"),
  };
  try {
    return createSecureContext(options);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new CertificateError(
      `the certificate in ${pairs.map(({ files }) => files.cert).join(", ")} cannot be used: ${text}`,
      {
        cause,
      },
    );
  }
}
