/**
 * Asks one host whether it would take mail for an address: greeting, EHLO, STARTTLS where offered, MAIL, RCPT, and good-bye before
 * any content. The only file here that knows nodemailer's SMTPConnection. Never rejects.
 */
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { needsSmtpUtf8, parseReply, type ReadReply } from "postern/mail";
import type { Address, MailHost } from "postern/plugin";

export interface SmtpQuestion {
  readonly host: MailHost;
  readonly port: number;
  readonly hostname: string;
  /** `null`: the null reverse-path. */
  readonly probeSender: Address | null;
  readonly address: Address;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** `refused`: 5xx to RCPT, and to nothing else: a host that dislikes us says nothing about its users. */
export type SmtpAnswer =
  | { readonly at: "taken" }
  | { readonly at: "refused"; readonly reply: ReadReply }
  /** `isSpoken`: the host has said so, and no other one is asked. */
  | { readonly at: "unknown"; readonly reason: string; readonly isSpoken: boolean };

/** What we use of nodemailer's insides; `smtp-question.contract.test.ts` holds it. */
interface Insides {
  readonly _supportedExtensions: readonly string[];
  readonly _responseActions: ((reply: string) => void)[];
  readonly upgrading?: boolean;
  _sendCommand(line: string): void;
}

export async function askHost(question: SmtpQuestion): Promise<SmtpAnswer> {
  const answer = await askOnce(question, true);
  // RFC 3207 4.1: where encryption is no condition, a handshake that fails is no reason to know nothing.
  return answer === "no TLS" ? asUnknown(await askOnce(question, false)) : answer;
}

const asUnknown = (answer: SmtpAnswer | "no TLS"): SmtpAnswer =>
  answer === "no TLS" ? { at: "unknown", reason: "the handshake failed", isSpoken: false } : answer;

async function askOnce(question: SmtpQuestion, usesTls: boolean): Promise<SmtpAnswer | "no TLS"> {
  const { signal } = question;
  const connection = open(question, usesTls);
  const insides = connection as unknown as Insides;
  return new Promise((resolve) => {
    const end = (answer: SmtpAnswer | "no TLS") => {
      signal.removeEventListener("abort", late);
      resolve(answer);
    };
    const unheard = (reason: string) => end({ at: "unknown", reason, isSpoken: false });
    const late = () => {
      unheard("no answer in time");
      connection.close();
    };
    if (signal.aborted) {
      late();
      return;
    }
    signal.addEventListener("abort", late, { once: true });
    const broken = (error: Error & { readonly code?: string | undefined }) =>
      insides.upgrading === true || error.code === "ETLS" ? end("no TLS") : unheard(error.message);
    connection.on("error", broken);
    connection.on("end", () => unheard("the connection was closed"));
    const ask = (command: string) =>
      new Promise<string>((answered) => {
        insides._responseActions.push(answered);
        insides._sendCommand(command);
      });
    const leave = (answer: SmtpAnswer) => {
      end(answer); // before "end" is heard
      insides._sendCommand("QUIT");
      connection.close();
    };
    connection.connect((error) => {
      if (error) return broken(error);
      void converse(question, ask, (extension) => insides._supportedExtensions.includes(extension)).then(leave);
    });
  });
}

async function converse(
  { host, probeSender, address }: SmtpQuestion,
  ask: (command: string) => Promise<string>,
  supports: (extension: string) => boolean,
): Promise<SmtpAnswer> {
  const isUtf8 = needsSmtpUtf8(address) || (probeSender !== null && needsSmtpUtf8(probeSender));
  if (isUtf8 && !supports("SMTPUTF8")) return spoken(`${host.name} takes no internationalized addresses`);
  const mail = await ask(`MAIL FROM:<${probeSender ?? ""}>${isUtf8 ? " SMTPUTF8" : ""}`);
  if (!mail.startsWith("2")) return spoken(`${host.name} said to MAIL: ${printable(mail)}`);
  const rcpt = await ask(`RCPT TO:<${address}>`);
  if (rcpt.startsWith("2")) return { at: "taken" };
  const reply = parseReply(rcpt, host.name);
  return reply !== null && reply.code >= 500 && reply.code <= 599
    ? { at: "refused", reply }
    : spoken(`${host.name} said: ${printable(rcpt)}`);
}

const spoken = (reason: string): SmtpAnswer => ({ at: "unknown", reason, isSpoken: true });

function open({ host, port, hostname, timeoutMs }: SmtpQuestion, usesTls: boolean): SMTPConnection {
  return new SMTPConnection({
    host: host.address,
    port,
    name: hostname,
    secure: false,
    ignoreTLS: !usesTls,
    // RFC 7435: nothing secret is asked, so encryption without a known certificate is good enough.
    tls: { rejectUnauthorized: false, servername: /^[\d.]+$|:/.test(host.name) ? "" : host.name },
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    logger: false,
    allowInternalNetworkInterfaces: true,
  });
}

const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, 300);
