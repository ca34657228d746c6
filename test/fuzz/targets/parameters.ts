/** ESMTP parameters, xtext and the addresses of DSN: decoded values hide no control characters. */
import { xtext } from "../../../core/outbound/xtext.ts";
import { isReply, parseParameters } from "../../../core/smtp/parameters.ts";
import { decodeUtf8Address, decodeXtext } from "../../../core/smtp/xtext.ts";
import { hold, type Target } from "../target.ts";

const known = new Set(["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH", "NOTIFY", "ORCPT"]);
const corpus = [
  "SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+3Db",
  "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;user+2Bx@example.org",
  "ORCPT=utf-8;j\\x{F6}rg@example.org AUTH=<>",
  "AUTH=user+40example.org",
  "j\u00f6rg+40\\x{10FFFF}",
];
const hidden = /[\u0000-\u001f\u007f-\u009f]/u;

export const target: Target = {
  name: "parameters",
  inputs: 3000,
  corpus: corpus.map((text) => Buffer.from(text)),
  words: ["+0D+0A", "+00", "\\x{0A}", "\\x{D800}", "SIZE=", " ", "=", "+"],
  run(input) {
    const text = input.toString("utf8");
    const parameters = parseParameters(text, known);
    if (isReply(parameters)) hold(/^5\d\d /.test(parameters.wire), () => `answered ${parameters.wire}`);
    else for (const keyword of parameters.keys()) hold(known.has(keyword), () => `unknown keyword ${keyword}`);
    const values = isReply(parameters) ? [text] : [text, ...parameters.values()];
    for (const value of values) {
      if (value === null) continue;
      const decoded = decodeXtext(value);
      hold(decoded === null || !hidden.test(decoded), () => "xtext hides a control character");
      if (decoded !== null && /^[\u0000-\u007f]*$/.test(decoded)) {
        hold(decodeXtext(xtext(decoded)) === decoded, () => "xtext does not come back");
      }
      const address = decodeUtf8Address(value);
      hold(address === null || !hidden.test(address), () => "a utf-8 address hides a control character");
    }
  },
};
