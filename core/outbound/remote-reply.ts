/** What is told of a reply: one line, without control characters, the enhanced status apart (RFC 2034). */
import type { RemoteReply } from "../contracts/delivery.ts";
import type { Reply } from "./reply-parser.ts";

const TEXT_LIMIT = 1_000;
const STATUS = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/;

export function remoteReply({ code, lines }: Reply, host: string): RemoteReply {
  const found = STATUS.exec(lines[0] ?? "");
  // RFC 2034 4: the class of the status is the first digit of the code
  const status = found !== null && Number(found[1]) === Math.floor(code / 100) ? found[0] : null;
  const texts = lines.map((line) =>
    (status !== null && line.startsWith(status) ? line.slice(status.length) : line).trim(),
  );
  return { code, status, text: printable(texts.join(" ")), host };
}

/** Without control characters, and no longer than anybody reads. */
export const printable = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, TEXT_LIMIT);

export const isSuccess = ({ code }: { readonly code: number }): boolean => code >= 200 && code < 300;

/** RFC 3463 3.5: X.4.2 bad connection. Said by us, not by the host. */
export const brokenReply = (host: string, reason: string): RemoteReply => ({
  code: 451,
  status: "4.4.2",
  text: `The conversation with ${host} failed: ${printable(reason)}`,
  host: null,
});
