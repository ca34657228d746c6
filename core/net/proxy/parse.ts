/** Reads a PROXY header as far as its octets have come. What is wrong is answered, never thrown, and as soon as it shows. */
import { bad, more, type ProxyStep } from "./header.ts";
import { parseVersion1, VERSION_1_MARK } from "./version-1.ts";
import { parseVersion2, VERSION_2_MARK } from "./version-2.ts";

export function parseProxyHeader(octets: Buffer): ProxyStep {
  if (octets.length === 0) return more;
  if (beginsAs(octets, VERSION_2_MARK)) return octets.length < 16 ? more : parseVersion2(octets);
  if (beginsAs(octets, VERSION_1_MARK)) return parseVersion1(octets);
  return bad("no PROXY header");
}

/** As far as it has come. */
function beginsAs(octets: Buffer, mark: Buffer): boolean {
  const length = Math.min(octets.length, mark.length);
  return octets.compare(mark, 0, length, 0, length) === 0;
}
