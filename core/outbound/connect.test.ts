import { once } from "node:events";
import { type AddressInfo, createServer, connect as open, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { connect } from "./connect.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listening(host: string, port = 0): Promise<{ server: Server; port: number; clients: Socket[] }> {
  const clients: Socket[] = [];
  const server = createServer((socket) => clients.push(socket)).listen(port, host);
  closing.push(() => {
    for (const client of clients) client.destroy();
    return new Promise((done) => server.close(done));
  });
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port, clients };
}

/** Listens and takes nobody in, until what wants in is not even answered by the system any more. */
async function silent(host: string, port: number): Promise<void> {
  const worker = new Worker(
    `const { workerData: [host, port], parentPort } = require("node:worker_threads");
     require("node:net").createServer().listen({ host, port, backlog: 1 }, () => {
       parentPort.postMessage("listening");
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
     });`,
    { eval: true, workerData: [host, port] },
  );
  closing.push(() => worker.terminate());
  await once(worker, "message");
  for (let count = 0; count < 2; count += 1) {
    const waiting = open({ host, port });
    closing.push(() => waiting.destroy());
    await once(waiting, "connect");
  }
}

const racing = (addresses: readonly string[], port: number, signal = new AbortController().signal) =>
  connect({ place: { name: "mx.example.org", addresses, port }, source: undefined, timeoutMs: 60_000, signal });

it("the next address is tried while the one before is silent, and the first that answers wins", async () => {
  const { port, clients } = await listening("127.0.0.2");
  await silent("127.0.0.1", port);
  const { socket, address } = await racing(["127.0.0.1", "127.0.0.2"], port);
  closing.push(() => socket.destroy());
  expect(address).toBe("127.0.0.2");
  expect(socket.remoteAddress).toBe("127.0.0.2");
  await expect.poll(() => clients.length).toBe(1);
});

it("an address that answers at once leaves the others alone", async () => {
  const { port } = await listening("127.0.0.1");
  const { clients } = await listening("127.0.0.2", port);
  const { socket, address } = await racing(["127.0.0.1", "127.0.0.2"], port);
  closing.push(() => socket.destroy());
  expect(address).toBe("127.0.0.1");
  expect(clients).toEqual([]);
});

it("a refusal is not waited for: the next address has its turn at once, of either family", async () => {
  const { port } = await listening("127.0.0.2");
  const { socket, address } = await racing(["::1", "127.0.0.1", "127.0.0.2"], port);
  closing.push(() => socket.destroy());
  expect(address).toBe("127.0.0.2");
});

it("whoever is called off does not wait for an answer", async () => {
  const { port } = await listening("127.0.0.2");
  await silent("127.0.0.1", port);
  const off = new AbortController();
  const racer = racing(["127.0.0.1"], port, off.signal);
  off.abort();
  await expect(racer).rejects.toThrow("called off");
});
