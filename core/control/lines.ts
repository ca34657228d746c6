/** Lines of a bounded length from a socket. Throws a RangeError for a longer one, and what the socket fails with. */
import type { Readable } from "node:stream";

export async function* linesOf(stream: Readable, limitOctets: number): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  let octets = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      pieces.push(chunk.subarray(from, end));
      yield Buffer.concat(pieces).toString("utf8");
      pieces = [];
      octets = 0;
      from = end + 1;
    }
    octets += chunk.length - from;
    if (octets > limitOctets) throw new RangeError("a line of the control socket is too long");
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  }
}
