/** Who gets in: delays between logins, passwords in clear from elsewhere, and what one account or address may have at a time. */
import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../../core/testing/manual-clock.ts";
import { RawClient } from "../../core/testing/raw-client.ts";
import { temporaryKeyValue } from "../../core/testing/temporary-key-value.ts";
import { memoryPop3 } from "./memory-pop3.ts";
import { type Pop3Server, startPop3 } from "./pop3-server.ts";

let server: Pop3Server | null = null;
async function start(...options: Parameters<typeof startPop3>): Promise<Pop3Server> {
  server = await startPop3(...options);
  return server;
}
afterEach(async () => {
  await server?.stop();
  server = null;
});

async function logIn(port: number, login = "ann"): Promise<string> {
  const client = await RawClient.open(port);
  client.send(`USER ${login}\r\nPASS secret word\r\nQUIT\r\n`);
  const text = await client.until(/\+OK Bye\r\n/);
  client.socket.destroy();
  return text;
}

describe("LOGIN-DELAY", () => {
  const tooSoon = "-ERR [LOGIN-DELAY] Too soon after the last login, try again later\r\n";

  it("is told by CAPA and kept, for each account by itself", async () => {
    const clock = manualClock();
    const { ports } = await start({ loginDelay: 90_500 }, clock);
    const client = await RawClient.open(ports.optional);
    client.send("CAPA\r\nQUIT\r\n");
    expect(await client.until(/\+OK Bye/)).toContain("\r\nLOGIN-DELAY 91\r\n");
    expect(await logIn(ports.optional)).toContain("+OK 0 messages");
    clock.advance(60_000);
    expect(await logIn(ports.optional)).toContain(tooSoon);
    expect(await logIn(ports.optional, "bob")).toContain("+OK 0 messages");
    // Having asked too soon does not make it longer, and the maildrop is not held by it.
    clock.advance(30_500);
    expect(await logIn(ports.optional)).toContain("+OK 0 messages");
  });

  it("does not tell who has the right password", async () => {
    const { ports } = await start({ loginDelay: 60_000 }, manualClock());
    await logIn(ports.optional);
    const client = await RawClient.open(ports.optional);
    client.send("USER ann\r\nPASS wrong\r\nQUIT\r\n");
    expect(await client.until(/\+OK Bye/)).toContain("-ERR [AUTH] Authentication failed\r\n");
  });

  it("is no reason to let somebody in when nobody can tell", async () => {
    const broken = { space: () => ({ update: () => Promise.reject(new Error("disk")) }) } as never;
    const pop3 = memoryPop3({ loginDelay: 1000 }, broken);
    const client = pop3.client();
    client.send("USER ann\r\nPASS secret word\r\nQUIT\r\n");
    expect(await client.closed()).toContain("-ERR [SYS/TEMP] The mailbox is not available now, try again later\r\n");
    expect(pop3.inbox).toMatchObject({ isLocked: false, opened: 0 });
  });
});

describe("a password in clear from elsewhere", () => {
  const from = "PROXY TCP4 192.0.2.7 192.0.2.1 40000 110\r\n";

  it("is not asked for, not taken and not offered", async () => {
    const { ports, logLines } = await start();
    const client = await RawClient.open(ports.proxied);
    client.send(`${from}CAPA\r\nUSER ann\r\nPASS secret word\r\nAUTH PLAIN AGFubgBzZWNyZXQgd29yZA==\r\nQUIT\r\n`);
    const text = await client.until(/\+OK Bye/);
    expect(text).toContain("STLS");
    expect(text).not.toMatch(/^(?:USER|SASL)/m);
    expect(text.match(/^-ERR \[AUTH\] Encryption is needed to log in\r$/gm)).toHaveLength(2);
    expect(text).toContain("-ERR USER first");
    expect(logLines.filter(({ text: line }) => line === "logged in")).toEqual([]);
  });

  it("is taken under TLS", async () => {
    const { ports } = await start();
    const client = await RawClient.open(ports.proxied);
    client.send(`${from}STLS\r\n`);
    await client.until(/Begin TLS/);
    await client.startTls();
    client.send("CAPA\r\nUSER ann\r\nPASS secret word\r\nQUIT\r\n");
    const text = await client.until(/\+OK Bye/);
    expect(text).toMatch(/^USER\r$/m);
    expect(text).toContain("+OK 0 messages");
  });
});

it("an account has so many sessions at a time and no more, whichever workers serve them", async () => {
  const keyValue = await temporaryKeyValue();
  try {
    const options = { maildrop: "snapshot", maxSessions: 2 } as const;
    const [one, other] = [memoryPop3(options, keyValue), memoryPop3(options, keyValue.again())];
    const [first, second] = [await one.loggedIn(), await other.loggedIn()];
    for (const worker of [one, other]) {
      const client = worker.client();
      client.send("USER ann\r\nPASS secret word\r\nQUIT\r\n");
      expect(await client.closed()).toContain("-ERR [IN-USE]");
    }
    const bob = other.client();
    bob.send("USER bob\r\nPASS secret word\r\n");
    await bob.until(/messages\r\n/);
    first.send("QUIT\r\n");
    await first.closed();
    await one.ended();
    const third = await other.loggedIn();
    for (const client of [second, third, bob]) client.destroy();
    await other.ended();
  } finally {
    await keyValue.close();
  }
});

it("the answers to commands that came together leave in one write, the login's apart", async () => {
  const pop3 = memoryPop3();
  for (const name of ["a", "b", "c"]) pop3.inbox.put(`Subject: ${name}\r\n\r\n`);
  const client = await pop3.loggedIn();
  const { server: end } = client;
  const uncork = end.uncork.bind(end);
  let writes = 0;
  end.uncork = () => {
    writes++;
    uncork();
  };
  client.send("STAT\r\nLIST 1\r\nUIDL 1\r\nRETR 1\r\nTOP 2 0\r\nRETR 3\r\nDELE 1\r\nRSET\r\nNOOP\r\n");
  await client.until(/Still here/);
  expect(writes).toBe(1);
  client.destroy();
});
