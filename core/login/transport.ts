/** Whether a password that a client sends could be read on its way. */
import type { Session } from "../contracts/session.ts";

export const isConfidential = (session: Session): boolean =>
  session.tls !== null || isThisMachine(session.remote.address);

/** RFC 6890: 127.0.0.0/8 and ::1 never leave the machine; nor does a unix socket. */
function isThisMachine(address: string): boolean {
  if (address === "unix" || address === "::1") return true;
  const ipv4 = address.startsWith("::ffff:") ? address.slice(7) : address;
  return /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(ipv4);
}
