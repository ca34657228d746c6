import { expect, it } from "vitest";
import { fieldAddresses, recipientFields, senderFields } from "./address-fields.ts";
import { createHeaders } from "./header.ts";

const headers = createHeaders(
  Buffer.from(
    'From: "A, B" <a@Example.org>, c\r\nto: jörg@example.org (x@y),\r\n d@example.net\r\nCc: team: d@example.net, e@[192.0.2.1];\r\nTo: <<z@z>\r\nX-To: f@x\r\n\r\n',
  ),
);

it("addresses of senders and recipients are found, each once", () => {
  expect(fieldAddresses(headers, senderFields).map(String)).toEqual(["a@example.org"]);
  expect(fieldAddresses(headers, recipientFields).map(String)).toEqual([
    "jörg@example.org",
    "d@example.net",
    "e@[192.0.2.1]",
  ]);
});
