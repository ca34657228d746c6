import { afterEach, describe, expect, it } from "vitest";
import { temporaryKeyValue } from "../../core/testing/temporary-key-value.ts";
import { Admission } from "../../plugins/access-imap/admission.ts";
import { ImapServer, type imapOptions } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

describe("limits of sessions", () => {
  let server: ImapServer;
  const clients: RawClient[] = [];
  const start = async (options: Partial<typeof imapOptions>) => {
    server = await ImapServer.start(options);
  };
  const open = async (): Promise<RawClient> => {
    const client = await RawClient.open(server.port);
    clients.push(client);
    return client;
  };
  const login = async (user = "ann"): Promise<string> =>
    (await (await open()).command(`LOGIN ${user} secret`)).at(-1) ?? "";
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server.stop();
    expect(server.logLines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it.each(["maxSessionsPerUser", "maxSessionsPerUserAddress"])("hold for %s, until one has ended", async (option) => {
    await start({ [option]: 2 });
    expect(await login()).toMatch(/^OK/);
    expect(await login()).toMatch(/^OK/);
    const third = await open();
    expect((await third.command("LOGIN ann secret")).at(-1)).toMatch(/^NO \[LIMIT\]/);
    expect(await login("bob")).toMatch(/^OK/);
    await clients[0]?.command("LOGOUT");
    await clients[0]?.closed();
    await expect.poll(async () => (await third.command("LOGIN ann secret")).at(-1)).toMatch(/^OK/);
  });

  it("cut off a client that takes nothing of what it asked for", async () => {
    await start({ sendTimeout: 300 });
    const client = await open();
    await client.ok("LOGIN ann secret");
    await client.ok("APPEND INBOX", Buffer.alloc(1_000_000, "x"));
    await client.ok("SELECT INBOX");
    client.socket.pause();
    client.write(Array.from({ length: 50 }, (_, i) => `x${i} FETCH 1 BODY.PEEK[]\r\n`).join(""));
    await expect.poll(() => server.connections, { timeout: 20_000 }).toBe(0);
  });

  it("log what a client says of itself, cleaned, once", async () => {
    await start({});
    const client = await open();
    await client.ok('ID ("name" "evil\x01\x1b[31m" "version" NIL)');
    await client.ok('ID ("name" "other")');
    const said = server.logLines.filter(({ text }) => text === "client names itself");
    expect(said.map(({ fields }) => fields.client)).toEqual([{ name: "evil [31m", version: "-" }]);
  });
});

it("sessions are counted over all workers", async () => {
  const keyValue = await temporaryKeyValue();
  try {
    const limits = { maxSessionsPerUser: 2, maxSessionsPerUserAddress: 1 };
    const [one, other] = [new Admission(keyValue, limits), new Admission(keyValue.again(), limits)];
    const place = await one.enter("ann", "192.0.2.1");
    expect(await other.enter("ann", "192.0.2.1")).toBeNull();
    expect(await other.enter("ann", "192.0.2.2")).not.toBeNull();
    expect(await one.enter("ann", "192.0.2.3")).toBeNull();
    expect(await one.enter("bob", "192.0.2.1")).not.toBeNull();
    place?.release();
    await expect.poll(() => other.enter("ann", "192.0.2.3")).not.toBeNull();
  } finally {
    await keyValue.close();
  }
});
