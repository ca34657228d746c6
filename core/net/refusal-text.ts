/** What a client of each protocol is told when it is refused instead of greeted. */
import type { Protocol } from "../contracts/session.ts";

export interface GreetingRefusal {
  readonly isTemporary: boolean;
  readonly text: string;
}

/** With its line end; `null` where the protocol has no words before the client speaks. */
export function greetingRefusal(protocol: Protocol, hostname: string, refusal: GreetingRefusal): string | null {
  const text = onOneLine(refusal.text);
  switch (protocol) {
    case "smtp":
    case "lmtp":
      // RFC 5321 3.1, 4.2.3: 554 to refuse for good, 421 for now
      return refusal.isTemporary ? `421 4.7.0 ${hostname} ${text}\r\n` : `554 5.7.1 ${hostname} ${text}\r\n`;
    case "imap":
      // RFC 3501 7.1.5, RFC 5530 3
      return refusal.isTemporary ? `* BYE [UNAVAILABLE] ${text}\r\n` : `* BYE ${text}\r\n`;
    case "pop3":
      // RFC 3206 4
      return `-ERR ${refusal.isTemporary ? "[SYS/TEMP]" : "[SYS/PERM]"} ${text}\r\n`;
    case "managesieve":
      // RFC 5804 1.3
      return `BYE ${refusal.isTemporary ? "(TRYLATER) " : ""}"${text.replace(/["\\]/g, "\\$&")}"\r\n`;
    case "http":
    case "other":
      return null;
  }
}

// RFC 5321 4.5.3.1.5: 512 octets a reply line
const onOneLine = (text: string): string => text.replace(/[^\u0020-\u007e]/gu, "?").slice(0, 300);
