/** Addresses and paths: what is taken can be said again, and hides nothing that would be a command or a header. */
import { parseAddress, parsePath } from "../../../core/mail/address.ts";
import { hold, type Target } from "../target.ts";

const corpus = [
  "user@example.org",
  "<user@example.org> SIZE=100",
  "<>",
  "<postmaster>",
  '<"two words"@example.org>',
  '<"a\\"b\\\\c"@example.org>',
  "<@a.example,@b.example:user@example.org>",
  "<user@[192.0.2.1]>",
  "<user@[IPv6:2001:db8::1]>",
  "<user@[tag:anything]>",
  "<j\u00f6rg@b\u00fccher.example>",
  "<user@xn--bcher-kva.example>",
  "<user+ext@example.org> NOTIFY=NEVER ORCPT=rfc822;user@example.org",
  `<${"x".repeat(64)}@${"y".repeat(63)}.example>`,
];
const hidden = /[\u0000-\u001f\u007f-\u009f]/u;

export const target: Target = {
  name: "address",
  inputs: 3000,
  corpus: corpus.map((text) => Buffer.from(text)),
  words: ["@", "\\", '"', "[IPv6:", "xn--", "\u200d", "\u3002", "\uff20", ".", "@a:", "%00", "#", "?", "/"],
  run(input) {
    const text = input.toString("utf8");
    const path = parsePath(text);
    if (path !== null) hold(text.endsWith(path.rest), () => "the rest is not the rest");
    for (const address of [path?.address ?? null, parseAddress(text), parseAddress(text, { utf8: false })]) {
      if (address === null) continue;
      const said = address.toString();
      hold(!hidden.test(said), () => "a control character");
      hold(Buffer.byteLength(address.localPart) <= 64 && address.domain.length <= 255, () => "longer than it may be");
      if (address.domain === "") continue;
      const again = parseAddress(said);
      hold(again !== null, () => `${JSON.stringify(said)} is no address`);
      hold(
        again?.localPart === address.localPart && again.domain === address.domain,
        () => `${JSON.stringify(said)} is another address`,
      );
      const asPath = parsePath(`<${said}>`);
      hold(asPath?.address?.toString() === said && asPath.rest === "", () => `<${said}> is another path`);
    }
  },
};
