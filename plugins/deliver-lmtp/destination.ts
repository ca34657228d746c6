/** Where an LMTP server listens, as administrators write it: `unix:/run/dovecot/lmtp`, `[127.0.0.1]:24`, `inet:host:24`, `host`. */
import { isAbsolute } from "node:path";
import { parseNextHop } from "postern/mail";

export type Destination =
  | { readonly at: "unix"; readonly path: string }
  | { readonly at: "host"; readonly host: string; readonly port: number };

// RFC 2033 5: not port 25. Dovecot's and Postfix's example is 24.
const USUAL_PORT = 24;

/** `null` if it is none. */
export function parseDestination(raw: string): Destination | null {
  const text = raw.trim();
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return isAbsolute(path) && !path.includes("\0") ? { at: "unix", path } : null;
  }
  const nextHop = parseNextHop(text.startsWith("inet:") ? text.slice("inet:".length) : text);
  return nextHop && { at: "host", host: nextHop.host, port: nextHop.port ?? USUAL_PORT };
}
