/** The addresses of From (RFC 5322 3.6.2). `null`: there is one that cannot be read, and so nobody can say whose it is. */
import { type Address, parseAddress, parseAddressList } from "postern/mail";

export function fromAddresses(
  headers: { all(name: string): readonly string[] },
  origin: string,
): readonly Address[] | null {
  const addresses: Address[] = [];
  for (const value of headers.all("From")) {
    for (const { mailbox, host } of parseAddressList(Buffer.from(value).toString("latin1")) ?? []) {
      // Marks of a group
      if (mailbox === null || host === null) continue;
      const localPart = decoded(mailbox).replace(/["\\]/g, "\\$&");
      const address = parseAddress(`"${localPart}"@${host === "MISSING_DOMAIN" ? origin : decoded(host)}`);
      if (!address || mailbox === "MISSING_MAILBOX") return null;
      addresses.push(address);
    }
  }
  return addresses;
}

const decoded = (octets: string): string => Buffer.from(octets, "latin1").toString("utf8");
