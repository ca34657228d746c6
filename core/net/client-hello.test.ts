import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { Workbench } from "../testing/connections.ts";
import { askedServername, servernameIn } from "./client-hello.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

/** As node's own client writes it. */
async function hello(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  bench.defer(() => server.close());
  await once(server, "listening");
  const client = connectTls({ ...options, port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  client.on("error", () => undefined);
  const [socket] = await once(server, "connection");
  const [octets] = await once(socket, "data");
  client.destroy();
  return octets;
}

/** Every record with so many octets at most (RFC 8446 5.1). */
function inRecords(record: Buffer, size: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 5; at < record.length; at += size) {
    const piece = record.subarray(at, at + size);
    pieces.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(pieces);
}

it.each(["TLSv1.2", "TLSv1.3"] as const)("the name is read once the whole of it is here, over %s", async (version) => {
  const octets = await hello({ servername: "mx.example.org", minVersion: version, maxVersion: version });
  for (const form of [octets, inRecords(octets, 100), inRecords(octets, 1)]) {
    for (let length = 0; length < form.length; length += 1)
      expect(servernameIn(form.subarray(0, length))).toBeUndefined();
    expect(servernameIn(form)).toBe("mx.example.org");
  }
});

it("who asks for no name, or says no hello, has none", async () => {
  expect(servernameIn(await hello({ servername: "" }))).toBeNull();
  expect(servernameIn(Buffer.from("EHLO client.example\r\n"))).toBeNull();
  expect(servernameIn(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]))).toBeNull();
  expect(servernameIn(Buffer.from([21, 3, 1, 0, 2, 2, 40]))).toBeNull();
});

it("a damaged one is never more than a wrong name", async () => {
  const octets = await hello({ servername: "mx.example.org" });
  const harm = fc.array(fc.tuple(fc.nat(octets.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(harm, (changes) => {
      const damaged = Buffer.from(octets);
      for (const [at, octet] of changes) damaged[at] = octet;
      const servername = servernameIn(damaged);
      expect(servername === undefined || servername === null || servername.length < octets.length).toBe(true);
    }),
  );
});

it("what was read is back in the socket, whatever came, and a client that leaves ends the waiting", async () => {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  bench.defer(() => server.close());
  await once(server, "listening");
  const accepted = async () => {
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const [socket] = await once(server, "connection");
    return { client, socket };
  };
  for (const octets of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.alloc(20_000, 22)]) {
    const { client, socket } = await accepted();
    client.write(octets);
    expect(await askedServername(socket, 60_000)).toBeNull();
    let back = Buffer.alloc(0);
    while (back.length < octets.length) {
      const chunk = socket.read();
      if (chunk === null) await once(socket, "readable");
      else back = Buffer.concat([back, chunk]);
    }
    expect(back.equals(octets)).toBe(true);
    client.destroy();
    socket.destroy();
  }
  const { client, socket } = await accepted();
  const asked = askedServername(socket, 60_000);
  client.end(Buffer.from([22, 3]));
  await expect(asked).rejects.toThrow("the client left");
  socket.destroy();
  const silent = await accepted();
  await expect(askedServername(silent.socket, 1)).rejects.toThrow("no handshake within 1 ms");
  silent.socket.destroy();
});
