/** An issuer for tests: publishes keys, signs tokens, answers introspection; on loopback, by HTTP or HTTPS. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export interface Pair {
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function keyPair(alg: string, kid?: string): Promise<Pair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg, ...(kid !== undefined && { kid }) } };
}

export class TokenServer {
  /** What is published. */
  keys: JWK[] = [];
  /** Instead of the usual answer: a status, or a body. */
  trouble: { readonly status?: number; readonly body?: string; readonly hangs?: boolean } | null = null;
  /** Answers of introspection by token. */
  readonly tokens = new Map<string, object>();
  readonly requests: string[] = [];
  readonly #server: Server;
  readonly #scheme: "http" | "https";

  private constructor(tls: { cert: string; key: string } | null) {
    const serve: RequestListener = (request, response) => {
      void bodyOf(request).then((body) => {
        this.requests.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`);
        const { status = 200, body: given, hangs = false } = this.trouble ?? {};
        if (hangs) return;
        const answer = request.url === "/keys" ? { keys: this.keys } : this.#introspected(body);
        response.writeHead(status, { "content-type": "application/json" }).end(given ?? JSON.stringify(answer));
      });
    };
    this.#scheme = tls ? "https" : "http";
    this.#server = tls ? createHttpsServer(tls, serve) : createServer(serve);
  }

  static async start(tls: { cert: string; key: string } | null = null): Promise<TokenServer> {
    const server = new TokenServer(tls);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `${this.#scheme}://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #introspected(body: string): object {
    return this.tokens.get(new URLSearchParams(body).get("token") ?? "") ?? { active: false };
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const piece of request.setEncoding("utf8") as AsyncIterable<string>) body += piece;
  return body;
}

export const sign = (pair: Pair, claims: JWTPayload, header: object = {}): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({
      alg: pair.jwk.alg ?? "",
      ...(pair.jwk.kid !== undefined && { kid: pair.jwk.kid }),
      ...header,
    })
    .sign(pair.privateKey);
