/** CAPABILITY (RFC 3501 7.2.1): what can be had in this state of the session. */
import type { Connection, Logins } from "postern/plugin";

// RFC 7888, RFC 4959, RFC 2971, RFC 2177
const always = "IMAP4rev1 LITERAL+ SASL-IR ID IDLE";
// RFC 5161, RFC 2342, RFC 3348, RFC 4315, RFC 3691, RFC 6851, RFC 6154
const afterLogin = "ENABLE NAMESPACE CHILDREN UIDPLUS UNSELECT MOVE SPECIAL-USE CREATE-SPECIAL-USE";

/** SASL mechanisms to offer now; none where TLS is required and not on yet, whatever `Logins` would take there. */
export function mechanismsOf({ listenerTls, session }: Connection, logins: Logins): readonly string[] {
  return listenerTls === "required" && session.tls === null ? [] : logins.mechanisms(session);
}

const takesPasswords = (mechanisms: readonly string[]): boolean =>
  mechanisms.includes("PLAIN") || mechanisms.includes("LOGIN");

export function capabilitiesOf(connection: Connection, logins: Logins, isLoggedIn: boolean): string {
  if (isLoggedIn) return `${always} ${afterLogin}`;
  const mechanisms = mechanismsOf(connection, logins);
  return [
    always,
    ...(connection.canStartTls ? ["STARTTLS"] : []),
    // RFC 3501 6.2.3: no LOGIN where the password would travel in clear, or the administrator wants none.
    ...(takesPasswords(mechanisms) ? [] : ["LOGINDISABLED"]),
    ...mechanisms.map((name) => `AUTH=${name}`),
  ].join(" ");
}
