/**
 * What listeners grant to named clients, in whole servers: a queue run (ETRN) reaches the queues of all workers, and what a
 * content filter hands back is delivered although a policy for strangers refuses everything.
 */
import { createServer, type Server } from "node:net";
import { createTransport } from "nodemailer";
import { afterEach, expect, it } from "vitest";
import { RawClient } from "../../core/testing/raw-client.ts";
import { freePorts } from "./ports.ts";
import { bob, RunningServer } from "./running-server.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(options: Parameters<typeof RunningServer.start>[0]): Promise<RunningServer> {
  const server = await RunningServer.start(options);
  closing.push(() => server.stop());
  return server;
}

/** A next hop that is never ready. */
async function busyHost(): Promise<number> {
  const host: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end("421 4.3.2 busy\r\n");
  });
  await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
  closing.push(() => new Promise((resolve) => host.close(resolve)));
  const address = host.address();
  if (address === null || typeof address === "string") throw new Error("a port was asked for");
  return address.port;
}

async function greeted(port: number): Promise<RawClient> {
  const client = await RawClient.open(port);
  closing.push(async () => client.socket.destroy());
  await client.until(/^220 .*\r\n/);
  await client.say("EHLO client.example.com");
  return client;
}

it("a queue run reaches all workers", async () => {
  const port = await busyHost();
  const server = await started({
    config: ["workers: 2"],
    listeners: ([mx, ...others]) => [
      (mx ?? "").replace(" }", ", etrn: [127.0.0.1], etrnDomains: [example.com] }"),
      ...others,
    ],
    plugins: (usual) =>
      usual.map((line) => {
        if (line.startsWith("- policy-relay")) return "- policy-relay: { networks: [127.0.0.1] }";
        return line === "- deliver-smtp" ? `- deliver-smtp: { smarthost: "[127.0.0.1]:${port}" }` : line;
      }),
  });
  const workersOf = (msg: string) =>
    new Set(server.lines.filter((line) => line.msg === msg).map(({ worker }) => worker));
  const send = async () => {
    const client = await greeted(server.ports.mx);
    await client.say("MAIL FROM:<>");
    await client.say("RCPT TO:<user@example.com>");
    await client.say("DATA");
    const [, id] = /queued as (\S+)/.exec(await client.say("Subject: x\r\n\r\nx\r\n.")) ?? [];
    client.socket.destroy();
    return id;
  };
  // Whoever is idle takes a connection: of several at a time some go to each.
  for (let round = 0; round < 20 && workersOf("queued").size < 2; round += 1)
    for (const id of await Promise.all(Array.from({ length: 8 }, send)))
      await server.logged((line) => line.msg === "queued" && line.id === id);
  const workers = [...workersOf("queued")];
  expect(workers).toHaveLength(2);
  // All have been tried, or so many that the destination is left alone.
  const count = (worker: unknown, msg: string) =>
    server.lines.filter((line) => line.worker === worker && line.msg.startsWith(msg)).length;
  for (const worker of workers)
    await server.logged(
      () => count(worker, "deferred") === count(worker, "queued") || count(worker, "destination takes no mail") > 0,
    );
  const before = server.lines.length;
  const client = await greeted(server.ports.mx);
  expect(await client.say("ETRN example.net")).toMatch(/^459 /);
  expect(await client.say("ETRN example.com")).toMatch(/^25[02] 2\.0\.0 Ok, /);
  for (const worker of workers)
    await server.logged((line) => line.msg === "deferred" && line.worker === worker, before);
});

it("what a filter hands back is delivered, whatever is asked of strangers", async () => {
  const [port = 0] = await freePorts(1);
  const server = await started({
    listeners: (usual) => [...usual, `- { role: reinject, port: ${port} }`],
    plugins: (usual) => ["- { use: ./no.mjs, when: { role: [mx] } }", ...usual],
    files: {
      "no.mjs": `import { definePlugin, reject } from "postern/plugin";
export default definePlugin({ name: "policy-no", api: 1, setup: () => ({ hooks: { message: () => reject("No") } }) });
`,
    },
  });
  const mail = { from: "sender@example.net", to: bob.address, subject: "filtered", text: "hello" };
  const smtp = (port: number) => createTransport({ host: "127.0.0.1", port, tls: { rejectUnauthorized: false } });
  await expect(smtp(server.ports.mx).sendMail(mail)).rejects.toThrow(/554 5\.7\.1 No/);
  await smtp(port).sendMail(mail);
  const line = await server.logged(({ msg }) => msg === "delivered");
  expect(line.recipient).toBe(bob.address);
});
