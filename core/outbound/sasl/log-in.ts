/**
 * AUTH (RFC 4954): the strongest mechanism that both sides know, one try. Throws `OutboundFault`; a secret that may be overheard is
 * never sent.
 */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { TLSSocket } from "node:tls";
import type { OutboundLogin } from "../../contracts/outbound.ts";
import { OutboundFault, reasonOf } from "../outbound-fault.ts";
import type { Reply } from "../reply-parser.ts";
import type { Wire } from "../wire.ts";
import type { Exchange, Mechanism } from "./mechanism.ts";
import { oauthbearer, xoauth2 } from "./oauth.ts";
import { login, plain } from "./plain.ts";
import { scramMechanisms } from "./scram.ts";

/** The strongest first. */
const mechanisms: readonly Mechanism[] = [...scramMechanisms, oauthbearer, xoauth2, plain, login];

const CHALLENGES_LIMIT = 5;
// RFC 4954 4: 12288 octets; a command line has 512 (RFC 5321 4.5.3.1.4)
const INITIAL_LIMIT = 480;

export interface LoginRoom {
  readonly wire: Wire;
  readonly credentials: OutboundLogin;
  readonly offered: readonly string[];
  readonly host: string;
  readonly address: string;
  readonly timeoutMs: number;
}

const fault = (reason: string, reply?: Reply): OutboundFault =>
  new OutboundFault("login", reason, reply === undefined ? {} : { reply });

export async function logIn(room: LoginRoom): Promise<void> {
  const { wire, credentials, offered, address } = room;
  if (!(wire.socket instanceof TLSSocket) && !isWithinMachine(address))
    throw fault("there is no TLS, and the password is not sent in clear");
  const secret = await secretOf(credentials);
  const exporter = exporterOf(wire);
  const mechanism = choose(credentials, offered, exporter);
  if (mechanism === null)
    throw fault(`the host offers no way to log in that we have (${offered.slice(0, 10).join(", ") || "none at all"})`);
  const { host } = room;
  const port = wire.socket.remotePort ?? 0;
  const exchange = mechanism.begin({ username: credentials.username, secret, exporter, offered, host, port });
  await converse(room, mechanism.name, exchange);
}

async function converse({ wire, timeoutMs }: LoginRoom, name: string, exchange: Exchange): Promise<void> {
  const initial = exchange.initial === null ? null : base64(exchange.initial);
  const isLong = initial !== null && initial.length > INITIAL_LIMIT;
  wire.send(`AUTH ${name}${initial === null || isLong ? "" : ` ${initial}`}\r\n`, 1);
  let reply = await wire.reply(timeoutMs);
  if (isLong && reply.code === 334) {
    wire.send(`${initial}\r\n`, 1);
    reply = await wire.reply(timeoutMs);
  }
  for (let challenges = 0; reply.code === 334; challenges += 1) {
    if (challenges === CHALLENGES_LIMIT) throw fault("the host asks without end");
    wire.send(`${await answered(exchange, reply)}\r\n`, 1);
    reply = await wire.reply(timeoutMs);
  }
  if (reply.code !== 235) throw fault("the login was refused", reply);
  if (!exchange.isComplete) throw fault("the host did not show that it knows the password");
}

async function answered(exchange: Exchange, { lines }: Reply): Promise<string> {
  try {
    return base64(await exchange.answer(Buffer.from(lines.join(""), "base64")));
  } catch (cause) {
    throw fault(reasonOf(cause));
  }
}

// RFC 4954 4: nothing at all as an initial response is "="; as an answer it is an empty line, which is what this gives
const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString("base64");

function choose(
  { password, mechanisms: wanted }: OutboundLogin,
  offered: readonly string[],
  exporter: Uint8Array | null,
): Mechanism | null {
  const usable = mechanisms.filter(
    ({ name, secret }) =>
      offered.includes(name) &&
      (secret === "token") === (password === undefined) &&
      (exporter !== null || !name.endsWith("-PLUS")),
  );
  if (wanted === undefined) return usable[0] ?? null;
  const names = wanted.map((name) => name.toUpperCase());
  return names.flatMap((name) => usable.find((one) => one.name === name) ?? [])[0] ?? null;
}

async function secretOf({ password, tokenFile }: OutboundLogin): Promise<string> {
  if (password !== undefined) return password;
  if (tokenFile === undefined) throw fault("there is neither a password nor a token");
  try {
    return (await readFile(tokenFile, "utf8")).split(/\r?\n/)[0]?.trim() ?? "";
  } catch (cause) {
    // Where the file is, is nobody's business who reads a bounce.
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw new OutboundFault("login", `the token cannot be read (${code})`, { cause });
  }
}

// RFC 9266 4.2: below TLS 1.3 only with the extended master secret, and whether that was used node does not tell.
function exporterOf({ socket }: Wire): Uint8Array | null {
  if (!(socket instanceof TLSSocket) || socket.getProtocol() !== "TLSv1.3") return null;
  return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}

const isWithinMachine = (address: string): boolean =>
  address.startsWith("unix:") || address === "::1" || (isIP(address) === 4 && address.startsWith("127."));
