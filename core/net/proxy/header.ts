/**
 * The PROXY protocol (HAProxy's specification, versions 1 and 2): what a load balancer says of the client behind it, and how far
 * the reading of it has got. `length` octets belong to the header, the rest to the client.
 */

export interface ProxyEnd {
  readonly address: string;
  readonly port: number;
}

/** TLS between the client and the proxy, as the proxy tells it. A note for the log: our session is not secured by it. */
export interface ProxyTls {
  readonly version: string | null;
  readonly isClientVerified: boolean;
  readonly clientName: string | null;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /** `null`: the proxy speaks for itself (LOCAL), or does not know whom it speaks for: the socket's own ends count. */
  readonly ends: { readonly remote: ProxyEnd; readonly local: ProxyEnd } | null;
  readonly tls: ProxyTls | null;
}

export type ProxyStep =
  | { readonly at: "more" }
  | { readonly at: "bad"; readonly cause: string }
  | { readonly at: "header"; readonly header: ProxyHeader; readonly length: number };

/** Octets that a header may have, TLVs included; the format itself would allow 65,551. */
export const PROXY_HEADER_LIMIT = 16 * 1024;

export const more: ProxyStep = { at: "more" };
export const bad = (cause: string): ProxyStep => ({ at: "bad", cause });
