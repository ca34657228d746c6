/** The server's certificates. */
import type { SecureContext, TlsOptions } from "node:tls";
import { defineService } from "./service.ts";

export interface Certificates {
  /** Whether any certificate is configured. */
  readonly isAvailable: boolean;
  /** Options for a server side TLS socket: minimum version, SNI call-back, default context. */
  serverOptions(): TlsOptions & { readonly secureContext: SecureContext };
}
export const Certificates = defineService<Certificates>("postern/certificates@1");
