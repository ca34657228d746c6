/** Who may relay by a client certificate, over real handshakes: by its fingerprint, or by the authority that vouches for it. */
import { X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Server } from "../../core/app/server.ts";
import { Authority, type Issued } from "../../core/testing/authority.ts";
import { RawClient } from "../../core/testing/raw-client.ts";
import { startInProcess } from "./in-process.ts";

let directory: string;
let server: Server | null = null;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "postern-relay-tls-"));
});
afterEach(async () => {
  await server?.close();
  server = null;
  await rm(directory, { recursive: true, force: true });
});

async function rcpt(port: number, certificate: Issued | null): Promise<string> {
  const client = await RawClient.open(port);
  await client.until(/^220 .*\r\n/m);
  await client.say("EHLO client.example");
  await client.say("STARTTLS");
  await client.startTls(
    certificate === null ? {} : { cert: await readFile(certificate.cert), key: await readFile(certificate.key) },
  );
  await client.say("EHLO client.example");
  await client.say("MAIL FROM:<ann@example.net>");
  const reply = await client.say("RCPT TO:<bob@elsewhere.example>");
  client.socket.destroy();
  return reply;
}

it("is whoever is listed, and whoever the authority vouches for where that is enough", async () => {
  const [mine, theirs] = [join(directory, "ours"), join(directory, "others")];
  await Promise.all([mkdir(mine), mkdir(theirs)]);
  const ours = await Authority.open(mine);
  const others = await Authority.open(theirs);
  const own = await ours.issue({ dnsNames: ["mx.example.org"] });
  const colleague = await ours.issue({ commonName: "colleague" });
  const friend = await others.issue({ commonName: "friend" });
  const stranger = await others.issue({ commonName: "stranger" });
  const { fingerprint256 } = new X509Certificate(await readFile(friend.cert));
  await writeFile(join(directory, "clients"), `${fingerprint256} friend\n`);
  const started = await startInProcess(
    directory,
    `tls: { cert: ${own.cert}, key: ${own.key} }
listeners:
  - { role: mx, name: listed, host: 127.0.0.1, port: 0, clientCertificates: ask, clientCa: ${ours.ca} }
  - { role: mx, name: vouched, host: 127.0.0.1, port: 0, clientCertificates: ask, clientCa: ${ours.ca} }
plugins:
  - use: policy-relay
    with: { certificates: ["hash:clients"] }
    when: { listener: [listed] }
  - use: policy-relay
    with: { verifiedCertificates: true }
    when: { listener: [vouched] }
  - deliver-smtp
`,
  );
  server = started.server;
  const [listed = 0, vouched = 0] = started.ports;
  const replies = async (port: number) => {
    const all: string[] = [];
    for (const certificate of [friend, colleague, stranger, null]) {
      all.push((await rcpt(port, certificate)).slice(0, 9));
    }
    return all;
  };
  expect(await replies(listed)).toEqual(["250 2.1.5", "550 5.7.1", "550 5.7.1", "550 5.7.1"]);
  expect(await replies(vouched)).toEqual(["550 5.7.1", "250 2.1.5", "550 5.7.1", "550 5.7.1"]);
});
