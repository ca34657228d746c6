/** What of each standard is done, and what CAPABILITY says of it. The RFCs are those that the code cites. */
interface Standard {
  readonly text: string;
  /** Words of CAPABILITY; one that ends in `=` stands for all that begin so. */
  readonly capabilities?: readonly string[];
}

const standard = (text: string, ...capabilities: readonly string[]): Standard => ({ text, capabilities });

export const standards: Readonly<Record<string, Standard>> = {
  "RFC 2045": standard("MIME fields, as BODYSTRUCTURE and BINARY read them"),
  "RFC 2046": standard("parts are numbered as multipart and message/rfc822 nest"),
  "RFC 2177": standard("IDLE: news is pushed as soon as somebody has made it", "IDLE"),
  "RFC 2180": standard(
    "several sessions on one mailbox: numbers stay until EXPUNGE may be sent, what is gone is `[EXPUNGEISSUED]`; a session whose mailbox was deleted ends",
  ),
  "RFC 2342": standard("NAMESPACE", "NAMESPACE"),
  "RFC 2971": standard("ID, also before the login; what the client says stands in the log", "ID"),
  "RFC 3348": standard("`\\HasChildren` and `\\HasNoChildren` in every LIST", "CHILDREN"),
  "RFC 3501": standard(
    "IMAP4rev1, every command, item and key; lenient where a comment at the line names the program that needs it",
    "IMAP4rev1",
    "STARTTLS",
    "LOGINDISABLED",
    "AUTH=",
  ),
  "RFC 3502": standard("several messages in one APPEND, all or none", "MULTIAPPEND"),
  "RFC 3516": standard("BINARY: decoded parts and their sizes, literal8 in APPEND", "BINARY"),
  "RFC 3691": standard("UNSELECT", "UNSELECT"),
  "RFC 4314": standard(
    "rights of mailboxes: GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS; negative rights; the letters of RFC 2086 are understood",
    "ACL",
    "RIGHTS=",
  ),
  "RFC 4315": standard("UID EXPUNGE, APPENDUID, COPYUID", "UIDPLUS"),
  "RFC 4422": standard(
    "the SASL exchange of AUTHENTICATE; mechanisms are those of [all protocols](../guide/authentication.md)",
  ),
  "RFC 4466": standard("the common grammar of parameters behind commands"),
  "RFC 4469": standard("CATENATE: APPEND puts messages together out of text and of parts that are there", "CATENATE"),
  "RFC 4731": standard("ESEARCH: MIN, MAX, ALL, COUNT; with MODSEQ", "ESEARCH"),
  "RFC 4959": standard("an initial response in AUTHENTICATE", "SASL-IR"),
  "RFC 4978": standard("COMPRESS DEFLATE", "COMPRESS=DEFLATE"),
  "RFC 5032": standard("YOUNGER and OLDER", "WITHIN"),
  "RFC 5092": standard("URLs of messages and parts, as CATENATE takes them"),
  "RFC 5161": standard("ENABLE", "ENABLE"),
  "RFC 5182": standard("SEARCHRES: `$` is the result of the last SEARCH RETURN (SAVE)", "SEARCHRES"),
  "RFC 5255": standard("I18NLEVEL=1: texts are compared by i;unicode-casemap", "I18NLEVEL=1"),
  "RFC 5256": standard(
    "SORT by every key; THREAD",
    "SORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "THREAD=REFS",
  ),
  "RFC 5258": standard("LIST with selection and return options, several patterns, CHILDINFO", "LIST-EXTENDED"),
  "RFC 5267": standard(
    "ESORT, CONTEXT=SEARCH: results that are kept up to date, and parts of them",
    "ESORT",
    "CONTEXT=SEARCH",
  ),
  "RFC 5322": standard("header fields, as ENVELOPE and SEARCH read them"),
  "RFC 5464": standard(
    "GETMETADATA and SETMETADATA for mailboxes and the server, MAXSIZE, DEPTH, `[METADATA ...]`; unsolicited METADATA responses with NOTIFY only",
    "METADATA",
  ),
  "RFC 5465": standard(
    "NOTIFY with every event but AnnotationChange; INBOXES means PERSONAL, up to 200 mailboxes; what the client itself does elsewhere is told as well",
    "NOTIFY",
  ),
  "RFC 5530": standard("response codes"),
  "RFC 5550": standard("URL-PARTIAL: octets of parts in CATENATE", "URL-PARTIAL"),
  "RFC 5819": standard("STATUS with LIST", "LIST-STATUS"),
  "RFC 5957": standard("SORT by DISPLAYFROM and DISPLAYTO", "SORT=DISPLAY"),
  "RFC 6154": standard(
    "special uses in LIST, in CREATE, and as the entry `/private/specialuse`; a mailbox has one use, and a use one mailbox",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
  ),
  "RFC 6203": standard("FUZZY", "SEARCH=FUZZY"),
  "RFC 6851": standard("MOVE", "MOVE"),
  "RFC 6855": standard("names and header fields in UTF-8 once enabled", "UTF8=ACCEPT"),
  "RFC 7162": standard(
    "modification sequences: CHANGEDSINCE, UNCHANGEDSINCE, MODSEQ; QRESYNC with VANISHED. Every mailbox keeps them, so NOMODSEQ is never sent",
    "CONDSTORE",
    "QRESYNC",
  ),
  "RFC 7888": standard("literals without waiting: `LITERAL+`, or `LITERAL-` where the option says so", "LITERAL+"),
  "RFC 7889": standard("the same APPENDLIMIT for every mailbox", "APPENDLIMIT="),
  "RFC 8438": standard("SIZE in STATUS, exact", "STATUS=SIZE"),
  "RFC 8440": standard("MYRIGHTS with LIST", "LIST-MYRIGHTS"),
  "RFC 8457": standard("`\\Important` as a special use; nobody but the client decides what is important"),
  "RFC 8474": standard("MAILBOXID, EMAILID, THREADID", "OBJECTID"),
  "RFC 8508": standard("REPLACE", "REPLACE"),
  "RFC 8514": standard("SAVEDATE, NIL where nobody wrote it down", "SAVEDATE"),
  "RFC 8970": standard("PREVIEW, also LAZY: the first 200 characters of the text", "PREVIEW"),
  "RFC 9051": standard("IMAP4rev2; what differs from IMAP4rev1 is what the session has enabled", "IMAP4rev2"),
  "RFC 9208": standard(
    "GETQUOTA, GETQUOTAROOT, OVERQUOTA also for soft limits; SETQUOTA is refused, as limits are the administrator's, so QUOTASET is not announced",
    "QUOTA",
    "QUOTA=",
  ),
  "RFC 9394": standard("PARTIAL in SEARCH and FETCH", "PARTIAL"),
  "RFC 9590": standard("METADATA with LIST", "LIST-METADATA"),
};

/** What is not done, and why. By hand. */
export const notDone: readonly (readonly [what: string, why: string])[] = [
  ["`\\Marked` and `\\Unmarked` in LIST (RFC 3501)", "STATUS says more, and nobody need guess what is interesting"],
  ["AUTHENTICATE with a security layer (RFC 4422)", "TLS is the security layer"],
  ["unsolicited METADATA responses without NOTIFY (RFC 5464, a MAY)", "clients ask when they need them"],
  ["QUOTASET (RFC 9208)", "limits are in the configuration or the directory"],
  ["remote mailboxes (RFC 2193, RFC 2221)", "there are none; LIST takes REMOTE and finds none"],
  ["ANNOTATE (RFC 5257)", "an experiment that no mail program uses"],
  ["URLAUTH (RFC 4467), BURL", "submission takes whole messages"],
  ["LANGUAGE (RFC 5255), COMPARATOR, CONVERT (RFC 5259), FILTERS (RFC 5466)", "no mail program asks for them"],
  ["more than one mailbox in a search (RFC 7377)", "no mail program asks for it"],
];
