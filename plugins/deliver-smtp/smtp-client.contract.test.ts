/** What smtp-client.ts uses of nodemailer's insides: if a new version moves it, this fails before mail does. */
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { expect, it } from "vitest";

it("has the members that smtp-client.ts leans on", () => {
  const connection = new SMTPConnection({ host: "127.0.0.1", logger: false }) as unknown as Record<string, unknown>;
  for (const method of ["_sendCommand", "_createSendStream", "_actionSMTPStream"]) {
    expect(typeof connection[method]).toBe("function");
  }
  expect(connection._responseActions).toEqual([]);
  expect(connection._currentDataStream).toBe(false);
  expect(connection._supportedExtensions).toEqual([]);
  expect(connection._maxAllowedSize).toBe(0);
  expect(String(SMTPConnection.prototype.constructor)).toContain("this.upgrading = true");
});
