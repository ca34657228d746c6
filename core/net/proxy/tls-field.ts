/** PP2_TYPE_SSL (section 2.2.6): how the client reached the proxy. Whatever is broken in it is left out. */
import { safeText } from "../../mail/header.ts";
import type { ProxyTls } from "./header.ts";

const CLIENT_SSL = 0x01;
const CLIENT_CERT = 0x02 | 0x04;
const SUBTYPE_VERSION = 0x21;
const SUBTYPE_CN = 0x22;
const TEXT_LIMIT = 255;

export function readTls(value: Buffer): ProxyTls | null {
  const [client = 0] = value;
  if (value.length < 5 || (client & CLIENT_SSL) === 0) return null;
  let version: string | null = null;
  let clientName: string | null = null;
  for (let at = 5; at + 3 <= value.length; ) {
    const end = at + 3 + value.readUInt16BE(at + 1);
    if (end > value.length) break;
    const text = safeText(value.toString("utf8", at + 3, Math.min(end, at + 3 + TEXT_LIMIT)));
    if (value[at] === SUBTYPE_VERSION) version = text;
    if (value[at] === SUBTYPE_CN) clientName = text;
    at = end;
  }
  // "verify: zero if the client presented a certificate and it was successfully verified"
  const isClientVerified = (client & CLIENT_CERT) !== 0 && value.readUInt32BE(1) === 0;
  return { version, isClientVerified, clientName };
}
