/** CAPABILITY (RFC 3501 7.2.1): what can be had in this state of the session. */
import type { Connection, Logins } from "postern/plugin";
import type { Options } from "./options.ts";

// RFC 4959, RFC 2971, RFC 2177
const always = "SASL-IR ID IDLE";
// RFC 5161, RFC 2342, RFC 3348, RFC 4315, RFC 3691, RFC 6851, RFC 6154
const afterLogin = "ENABLE NAMESPACE CHILDREN UIDPLUS UNSELECT MOVE SPECIAL-USE CREATE-SPECIAL-USE";

// RFC 7162, RFC 5465
const whatIsKnown = "CONDSTORE QRESYNC NOTIFY";

// RFC 5258, RFC 5819, RFC 9590, RFC 8438, RFC 5464, RFC 9208 3.1
const ofMailboxes =
  "LIST-EXTENDED LIST-STATUS LIST-METADATA STATUS=SIZE METADATA QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE";

// RFC 3502, RFC 4469, RFC 5550 2.7, RFC 8508, RFC 6855
const whatComesIn = "MULTIAPPEND CATENATE URL-PARTIAL REPLACE UTF8=ACCEPT";
// RFC 4978
const ofConnection = "COMPRESS=DEFLATE";

// RFC 4731, RFC 5182, RFC 9394, RFC 5032, RFC 6203, RFC 5255 4.2, RFC 5256, RFC 5267, RFC 5957
const whatIsFound =
  "ESEARCH SEARCHRES CONTEXT=SEARCH PARTIAL WITHIN SEARCH=FUZZY I18NLEVEL=1 SORT SORT=DISPLAY ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS";

// RFC 3516, RFC 8970, RFC 8514, RFC 8474
const whatIsFetched = "BINARY PREVIEW SAVEDATE OBJECTID";

// RFC 4314, RFC 8440
const ofRights = "ACL RIGHTS=texk LIST-MYRIGHTS";

/** SASL mechanisms to offer now; none where TLS is required and not on yet, whatever `Logins` would take there. */
export function mechanismsOf({ listenerTls, session }: Connection, logins: Logins): readonly string[] {
  return listenerTls === "required" && session.tls === null ? [] : logins.mechanisms(session);
}

const takesPasswords = (mechanisms: readonly string[]): boolean =>
  mechanisms.includes("PLAIN") || mechanisms.includes("LOGIN");

interface Facts {
  readonly logins: Logins;
  readonly sharing?: object | undefined;
  readonly options: Pick<Options, "literals" | "maxMessageSize">;
}

export function capabilitiesOf(
  connection: Connection,
  { logins, options, sharing }: Facts,
  isLoggedIn: boolean,
): string {
  // RFC 9051: both revisions; a client says with ENABLE that it speaks the second. RFC 7888 5: one of the two literals, never both.
  const first = `IMAP4rev1 IMAP4rev2 ${options.literals} ${always}`;
  // RFC 7889 3: the same for every mailbox.
  if (isLoggedIn)
    return `${first} ${afterLogin} ${whatIsKnown} ${whatIsFetched} ${whatIsFound} ${ofMailboxes}${sharing ? ` ${ofRights}` : ""} ${whatComesIn} ${ofConnection} APPENDLIMIT=${options.maxMessageSize}`;
  const mechanisms = mechanismsOf(connection, logins);
  return [
    first,
    ...(connection.canStartTls ? ["STARTTLS"] : []),
    // RFC 3501 6.2.3: no LOGIN where the password would travel in clear, or the administrator wants none.
    ...(takesPasswords(mechanisms) ? [] : ["LOGINDISABLED"]),
    ...mechanisms.map((name) => `AUTH=${name}`),
  ].join(" ");
}
