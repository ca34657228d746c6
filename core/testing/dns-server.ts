/** A real DNS server on loopback for tests: answers from a zone given as records, counts what it was asked. */
import { createSocket, type Socket } from "node:dgram";
import { type Answer, decode, encode, type Packet, type Question } from "dns-packet";

export interface ZoneRecord {
  /** `*.example.org` stands for every name below that has no records of its own. */
  readonly name: string;
  readonly type: "A" | "AAAA" | "MX" | "TXT" | "PTR" | "CNAME" | "NS";
  /** As dns-packet takes it: an address, `{ preference, exchange }`, a text. */
  readonly data: unknown;
}

export interface TestDnsServer {
  /** `127.0.0.1:port`, as `dns.servers` takes it. */
  readonly server: string;
  /** Questions so far, `TYPE name`. */
  readonly asked: readonly string[];
  /** Names that answer SERVFAIL from now on. */
  readonly failing: Set<string>;
  /** Names that are never answered from now on. */
  readonly silent: Set<string>;
  close(): Promise<void>;
}

const NXDOMAIN = 3;
const SERVFAIL = 2;
const AUTHORITATIVE = 0x0400;

export async function startDnsServer(zone: readonly ZoneRecord[]): Promise<TestDnsServer> {
  const asked: string[] = [];
  const failing = new Set<string>();
  const silent = new Set<string>();
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const query = decode(bytes);
    const question = query.questions?.[0];
    if (!question) return;
    asked.push(`${question.type} ${question.name}`);
    if (silent.has(question.name.toLowerCase())) return;
    socket.send(encode(reply(query, question, zone, failing)), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    server: `127.0.0.1:${portOf(socket)}`,
    asked,
    failing,
    silent,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function reply(query: Packet, question: Question, zone: readonly ZoneRecord[], failing: ReadonlySet<string>): Packet {
  const name = question.name.toLowerCase();
  const ofName = recordsOf(zone, name);
  const answers = ofName.filter((record) => record.type === question.type || record.type === "CNAME");
  const code = failing.has(name) ? SERVFAIL : ofName.length === 0 ? NXDOMAIN : 0;
  return {
    type: "response",
    id: query.id ?? 0,
    flags: AUTHORITATIVE | code,
    questions: [question],
    answers:
      code === 0 ? answers.map(({ type, data }) => ({ name: question.name, type, ttl: 60, data }) as Answer) : [],
  };
}

function recordsOf(zone: readonly ZoneRecord[], name: string): readonly ZoneRecord[] {
  const own = zone.filter((record) => record.name.toLowerCase() === name);
  if (own.length > 0) return own;
  return zone.filter((record) => record.name.startsWith("*.") && name.endsWith(record.name.slice(1).toLowerCase()));
}

const portOf = (socket: Socket): number => socket.address().port;
