/** Puts a message into the server by SMTP, for tests that are about something else. Resolves when it has its 250. */
import { createTransport } from "nodemailer";

export interface Sending {
  readonly from: string | null;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text?: string;
}

export async function send(port: number, { from, to, subject, text = "Hello.\n" }: Sending): Promise<string> {
  const transport = createTransport({ host: "127.0.0.1", port, ignoreTLS: true, name: "client.example" });
  try {
    const { response } = await transport.sendMail({
      envelope: { from: from ?? "", to: [...to] },
      raw: `From: ${from ?? "mailer-daemon@example.net"}\r\nTo: ${to.join(", ")}\r\nSubject: ${subject}\r\nMessage-ID: <${subject.replace(/\W/g, "-")}@example.net>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n\r\n${text}`,
    });
    return response;
  } finally {
    transport.close();
  }
}
