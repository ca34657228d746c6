/** What smtp-question.ts uses of nodemailer's insides: if a new version moves it, this fails before mail does. */
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { expect, it } from "vitest";

it("has the members that smtp-question.ts leans on", () => {
  const connection = new SMTPConnection({ host: "127.0.0.1", logger: false }) as unknown as Record<string, unknown>;
  expect(typeof connection._sendCommand).toBe("function");
  expect(connection._supportedExtensions).toEqual([]);
  expect(connection._responseActions).toEqual([]);
});
