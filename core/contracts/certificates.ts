/** The server's certificates. */
import type { SecureContext, TlsOptions } from "node:tls";
import { defineService } from "./service.ts";

export interface ServerTlsOptions extends TlsOptions {
  /** For clients that ask for no name. */
  readonly secureContext: SecureContext;
  /** For those that ask for one (SNI); left out where the name makes no difference. */
  readonly contextFor?: (servername: string) => SecureContext;
}

export interface Certificates {
  /** Whether any certificate is configured. */
  readonly isAvailable: boolean;
  /** What a server side TLS socket is made with. */
  serverOptions(): ServerTlsOptions;
}
export const Certificates = defineService<Certificates>("postern/certificates@1");
