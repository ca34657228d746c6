/** Core's own replies that more than one place gives. Policy answers come from `verdictToReply`. */
import { type Reply, reply } from "./reply.ts";

export const ok = reply(250, "2.0.0", "Ok");
export const senderOk = reply(250, "2.1.0", "Ok");
export const recipientOk = reply(250, "2.1.5", "Ok");
export const startContent = reply(354, null, "End data with <CR><LF>.<CR><LF>");

export const lineTooLong = reply(500, "5.5.2", "Line too long");
export const bareLineFeed = reply(500, "5.5.2", "Lines end in CRLF");
export const controlCharacter = reply(500, "5.5.2", "Control character in command");
export const notUtf8 = reply(500, "5.5.2", "Command is not valid UTF-8");
export const unknownCommand = reply(500, "5.5.2", "Command unknown");
/** Extensions that are for named clients (XCLIENT, XFORWARD). */
export const notTrusted = reply(550, "5.7.0", "You are not allowed to say that");
export const badAttributes = reply(501, "5.5.4", "Syntax: NAME=value, values in xtext");
export const notImplemented = reply(502, "5.5.1", "Command not implemented");
export const noParameters = reply(501, "5.5.4", "This command takes no parameters");

export const greetFirst = reply(503, "5.5.1", "Say EHLO first");
export const greetFirstLmtp = reply(503, "5.5.1", "Say LHLO first");
export const inTransaction = reply(503, "5.5.1", "Not during a mail transaction");
export const mailFirst = reply(503, "5.5.1", "Need MAIL first");
export const tlsFirst = reply(530, "5.7.0", "Must issue a STARTTLS command first");
export const loginFirst = reply(530, "5.7.0", "Authentication required");

// RFC 6531 3.5
export const needsSmtpUtf8 = reply(553, "5.6.7", "Non-ASCII address needs SMTPUTF8");

// RFC 5321 4.5.3.1.10 asks for 452
export const tooManyRecipients = reply(452, "4.5.3", "Too many recipients");
export const rcptFirst = reply(503, "5.5.1", "Need RCPT first");
// RFC 5321 3.3; RFC 2033 4.2 asks LMTP for 503
export const noRecipients = reply(554, "5.5.1", "No valid recipients");
export const noRecipientsLmtp = reply(503, "5.5.1", "No valid recipients");
/** RFC 3030 2: chunks behind one that was refused. Temporary where that was, lest mail be given back for a passing fault. */
export const discardedForGood = reply(554, "5.5.1", "Discarded behind a refused chunk");
export const discardedForNow = reply(451, "4.5.1", "Discarded behind a refused chunk");
export const messageTooLarge = reply(552, "5.3.4", "Message exceeds the size limit");
export const storageFull = reply(452, "4.3.1", "Insufficient storage, try again later");
export const localError = reply(451, "4.3.0", "Temporary error, try again later");

const closing = (text: string, status: string): Reply => reply(421, status, text, { closes: true });
export const tooManyErrors = closing("Too many errors", "4.7.0");
export const tooManyIdleCommands = closing("Too many commands without mail", "4.7.0");
export const notHttp = closing("This is a mail server", "4.7.0");
export const tooSlow = closing("Data comes too slowly", "4.4.2");
/** RFC 5321 4.2.3 has 552; who sends on all the same is not waited for. */
export const farTooLarge = reply(552, "5.3.4", "Message is far over the size limit", { closes: true });
export const timedOut = closing("Timed out waiting for the client", "4.4.2");
export const shuttingDown = closing("Server is shutting down", "4.3.2");
/** Who speaks before the banner is a machine that does not listen. */
export const tooEarly = reply(554, "5.5.0", "Spoke before the greeting", { closes: true });
