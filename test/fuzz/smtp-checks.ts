/** What must hold of whatever the SMTP front says and keeps. */
import type { Accepted } from "../../core/testing/smtp-front.ts";
import { hold, shown } from "./target.ts";

const LINE = /^([2-5]\d\d)([ -])(.*)$/s;

/** RFC 5321 4.2: whole lines, one code for each reply, at most 512 octets, nothing unprintable. */
export function checkReplies(received: string): void {
  if (received === "") return;
  hold(received.endsWith("\r\n"), () => `half a reply: ${shown(received.slice(-200))}`);
  let code: string | null = null;
  for (const line of received.slice(0, -2).split("\r\n")) {
    const parts = LINE.exec(line);
    hold(parts !== null, () => `no reply: ${shown(line)}`);
    hold(line.length <= 510, () => `a line of ${line.length + 2} octets`);
    hold(!/[\u0000-\u001f\u007f]/.test(line), () => `a control character in ${shown(line)}`);
    hold(code === null || code === parts?.[1], () => `another code within a reply: ${shown(line)}`);
    code = parts?.[2] === "-" ? (parts[1] ?? null) : null;
  }
  hold(code === null, () => "the last reply has no end");
}

export const idsPromised = (received: string): ReadonlySet<string> =>
  new Set([...received.matchAll(/^250 2\.0\.0 Ok: queued as (\S+)\r$/gm)].map(([, id = ""]) => id));

const RECEIVED = /^Received:[^\n]*\n(?:[ \t][^\n]*\n)*/;

/** As the client sent it. */
export const contentOf = ({ text }: Accepted): string => text.replace(RECEIVED, "");

/** What others would take for the end of a message, or of a line, stands in nothing that is kept. */
export function checkKept(accepted: Accepted): void {
  const isBinary = accepted.envelope.body === "binarymime";
  const { text } = accepted;
  const headerEnd = text.indexOf("\r\n\r\n");
  const checked = isBinary && headerEnd >= 0 ? text.slice(0, headerEnd) : text;
  hold(!/\r(?!\n)|(?<!\r)\n|\0/.test(checked), () => `kept with a bare line end or NUL: ${shown(text)}`);
}
