/** TLSA records (RFC 6698 2.1) as mail uses them: which of a set a client can go by, and as a person reads them. Pure. */
import { createPublicKey, X509Certificate } from "node:crypto";

interface TlsaFields {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly data: Uint8Array;
}

const DIGEST_BYTES = new Map([
  [1, 32],
  [2, 64],
]);

/**
 * Those that a client of SMTP can go by: DANE-TA(2) and DANE-EE(3) alone (RFC 7672 3.1.3), with parameters that are known and data that can be
 * what they say; where digests of both strengths stand for the same, only the stronger ones count (RFC 7671 9).
 */
export function usableTlsa<T extends TlsaFields>(records: readonly T[]): readonly T[] {
  const usable = records.filter(isUsable);
  const isOutdone = (record: T) =>
    record.matchingType === 1 &&
    usable.some(
      ({ usage, selector, matchingType }) =>
        usage === record.usage && selector === record.selector && matchingType === 2,
    );
  return usable.filter((record) => !isOutdone(record));
}

function isUsable({ usage, selector, matchingType, data }: TlsaFields): boolean {
  if ((usage !== 2 && usage !== 3) || (selector !== 0 && selector !== 1)) return false;
  if (matchingType !== 0) return DIGEST_BYTES.get(matchingType) === data.length;
  try {
    if (selector === 0) return new X509Certificate(data).raw.length === data.length;
    createPublicKey({ key: Buffer.from(data), format: "der", type: "spki" });
    return true;
  } catch {
    return false; // neither a certificate nor a key
  }
}

/** `3 1 1 0123...`, as in a zone file. */
export const tlsaText = ({ usage, selector, matchingType, data }: TlsaFields): string =>
  `${usage} ${selector} ${matchingType} ${Buffer.from(data).toString("hex")}`;
