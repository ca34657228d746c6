/** PROXY headers: more is asked for only while more could help, and what is taken is a pair of addresses. */
import { isIP } from "node:net";
import { PROXY_HEADER_LIMIT } from "../../../core/net/proxy/header.ts";
import { parseProxyHeader } from "../../../core/net/proxy/parse.ts";
import { hold, type Target } from "../target.ts";

const version2 = (command: number, family: number, rest: readonly number[]): Buffer =>
  Buffer.from([
    ...Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"),
    ...[0x20 | command, family, rest.length >> 8, rest.length & 0xff],
    ...rest,
  ]);
const ipv4 = [192, 0, 2, 1, 198, 51, 100, 1, 0x9c, 0x40, 0, 25];
const ipv6 = [...Buffer.alloc(16, 1), ...Buffer.alloc(16, 2), 0x9c, 0x40, 0, 25];
const ssl = [0x20, 0, 15, 1, 0, 0, 0, 0, 0x21, 0, 7, ...Buffer.from("TLSv1.3")];

export const target: Target = {
  name: "proxy",
  inputs: 3000,
  corpus: [
    Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 40000 25\r\nEHLO x\r\n"),
    Buffer.from("PROXY TCP6 2001:db8::1 2001:db8::2 40000 25\r\n"),
    Buffer.from("PROXY UNKNOWN anything at all\r\n"),
    version2(1, 0x11, ipv4),
    version2(1, 0x21, [...ipv6, ...ssl]),
    version2(0, 0, []),
    version2(1, 0x31, [...Buffer.alloc(216, 65)]),
    version2(1, 0x11, [...ipv4, 4, 0, 3, 0, 0, 0, 3, 0, 4, 1, 2, 3, 4]),
  ],
  run(input) {
    const step = parseProxyHeader(input);
    if (step.at === "more") {
      hold(input.length < PROXY_HEADER_LIMIT, () => `${input.length} octets, and it wants more`);
      return;
    }
    if (step.at === "bad") {
      hold(!/[\u0000-\u001f\u007f]/.test(step.cause), () => "a control character in the cause");
      return;
    }
    hold(step.length > 0 && step.length <= input.length, () => `a header of ${step.length} octets`);
    const { ends } = step.header;
    for (const end of ends === null ? [] : [ends.remote, ends.local]) {
      const isEnd = isIP(end.address) !== 0 || end.address === "unix";
      hold(isEnd && end.port >= 0 && end.port <= 65_535, () => JSON.stringify(end));
    }
    // What comes behind it changes nothing.
    const again = parseProxyHeader(input.subarray(0, step.length));
    hold(JSON.stringify(again) === JSON.stringify(step), () => "without what follows it is another header");
  },
};
