/** One delivery over SMTP to servers that do as they are told: what the tests of the relay share. */
import { Readable } from "node:stream";
import { parseAddress } from "postern/mail";
import type {
  Address,
  Delivery,
  Envelope,
  NextHops,
  OutboundLogin,
  Outcome,
  Recipient,
  TlsLevel,
} from "postern/plugin";
import { type Script, type ScriptedServer, silentLog, startScriptedServer, testOutbound } from "postern/testing";
import { afterEach } from "vitest";
import { type RelayOptions, relay } from "../relay.ts";

const servers: ScriptedServer[] = [];
let outbound = testOutbound();
afterEach(async () => {
  outbound.close();
  outbound = testOutbound();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
export async function serve(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  servers.push(server);
  return server;
}

export const addressOf = (raw: string): Address => {
  const address = parseAddress(raw);
  if (!address) throw new Error(`no address: ${raw}`);
  return address;
};
export const recipientOf = (raw: string, id: number): Recipient => ({
  id,
  address: addressOf(raw),
  orcpt: null,
  notify: new Set(),
  parents: [],
});
/** Every address is loopback: the test decides by the port whom it talks to. */
export const hostsAt = (addresses: readonly string[] = ["127.0.0.1"]): Pick<NextHops, "hosts"> => ({
  hosts: async () => ({
    at: "found",
    hosts: addresses.map((address, index) => ({ name: `mx${index + 1}.example.org`, address })),
  }),
});

interface Try {
  readonly to?: readonly string[];
  readonly envelope?: Partial<Envelope>;
  readonly options?: Partial<RelayOptions>;
  readonly tls?: TlsLevel;
  readonly replyMs?: number;
  readonly login?: OutboundLogin;
  readonly nextHop?: string;
  readonly content?: string;
  readonly signal?: AbortSignal;
}

export async function deliver(
  port: number,
  {
    to = ["a@example.org"],
    envelope = {},
    options = {},
    content = "Subject: x\r\n\r\n.dot\r\n",
    signal,
    ...more
  }: Try = {},
) {
  const recipients = to.map((raw, index) => recipientOf(raw, index + 1));
  const outcomes = new Map<string, Outcome>();
  const delivery: Delivery = {
    envelope: {
      id: "e1",
      origin: "smtp",
      session: null,
      reversePath: addressOf("sender@example.net"),
      recipients,
      body: "7bit",
      isSmtpUtf8: false,
      requiresTls: false,
      ret: null,
      envid: null,
      label: () => undefined,
      ...envelope,
    },
    message: {
      sizeBytes: Buffer.byteLength(content),
      headers: { get: () => undefined, all: () => [] },
      content: () => Readable.from([Buffer.from(content)]),
      inMemory: () => null,
    },
    route: { verdict: "routed", transport: "smtp", nextHop: more.nextHop ?? "example.org", concurrencyKey: "smtp" },
    recipients,
    attempt: 1,
    settle: async ({ address }, outcome) => void outcomes.set(String(address), outcome),
  };
  await relay(
    delivery,
    {
      nextHops: hostsAt(),
      outbound,
      log: silentLog,
      port,
      fallbackRelays: [],
      tlsFor: () => ({ at: "use", requirement: { level: more.tls ?? "opportunistic" } }),
      isHostSafe: async () => "yes",
      report: () => undefined,
      loginFor: () => more.login ?? null,
      isForwarding: false,
      conversation: { timeouts: { connectMs: 5_000, ...allReplies(more.replyMs ?? 20_000) } },
      ...options,
    },
    signal ?? new AbortController().signal,
  );
  return outcomes;
}
const allReplies = (timeoutMs: number) => ({
  ...{ greetingMs: timeoutMs, helloMs: timeoutMs, mailMs: timeoutMs, rcptMs: timeoutMs },
  ...{ dataMs: timeoutMs, blockMs: timeoutMs, endMs: timeoutMs },
});
export const brief = (outcomes: Map<string, Outcome>) =>
  [...outcomes].map(([to, { at, reply }]) => `${to} ${at} ${reply.code} ${reply.status}`);
export const closedPort = async () => {
  const server = await startScriptedServer({});
  await server.close();
  return server.port;
};
