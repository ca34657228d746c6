/** An IMAP server for each test, with clients that end with it. What it logs as an error fails the test. */
import { afterEach, beforeEach, expect } from "vitest";
import { ImapServer, type imapOptions } from "./imap-server.ts";
import { RawClient } from "./raw-client.ts";

export interface ServerForEach {
  /** That of the test that runs. */
  readonly server: ImapServer;
  /** Another one instead. */
  start(options: Partial<typeof imapOptions>): Promise<void>;
  login(user?: string): Promise<RawClient>;
  /** Connected, and nothing else. */
  open(): Promise<RawClient>;
}

export function serverForEach(): ServerForEach {
  let server: ImapServer | null = null;
  const clients: RawClient[] = [];
  const start = async (options: Partial<typeof imapOptions>) => {
    await server?.stop();
    server = await ImapServer.start(options);
  };
  const running = (): ImapServer => {
    if (!server) throw new Error("no test is running");
    return server;
  };
  const kept = (client: RawClient): RawClient => {
    clients.push(client);
    return client;
  };
  beforeEach(() => start({}));
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    const { logLines } = running();
    await running().stop();
    server = null;
    expect(logLines.filter(({ level }) => level === "error")).toEqual([]);
  });
  return {
    get server() {
      return running();
    },
    start,
    login: async (user) => kept(await RawClient.login(running().port, user)),
    open: async () => kept(await RawClient.open(running().port)),
  };
}
