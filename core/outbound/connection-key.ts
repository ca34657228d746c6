/** Everything that makes two connections different, but for the address: a message never goes over one that was opened for something else. */
import type { OutboundRequest, TlsRequirement } from "../contracts/outbound.ts";

export function connectionKey(request: OutboundRequest, helloName: string): string {
  const { protocol, place, tls, login, source } = request;
  const where = "path" in place ? place.path : place.port;
  // Written out as a list: no value can be taken for another one's beginning.
  return JSON.stringify([
    protocol,
    place.name,
    where,
    helloName,
    tlsKey(tls),
    login ? [login.username, login.password, login.tokenFile, login.mechanisms] : null,
    source?.ipv4,
    source?.ipv6,
  ]);
}

const tlsKey = ({ level, names, tlsa, ca, minVersion, ciphers, clientCertificate }: TlsRequirement) => [
  level,
  names,
  tlsa?.map(({ usage, selector, matchingType, data }) => [
    usage,
    selector,
    matchingType,
    Buffer.from(data).toString("hex"),
  ]),
  ca,
  minVersion,
  ciphers,
  clientCertificate && [clientCertificate.cert, clientCertificate.key],
];
