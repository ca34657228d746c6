/**
 * A real DNS server on loopback for tests, over UDP and TCP: answers like a validating resolver from a zone given as records, counts what
 * it was asked, and misbehaves for those names that a test puts into one of its sets.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { type Answer, type DecodedPacket, decode, encode, type Packet, type Question, streamEncode } from "dns-packet";

export interface ZoneRecord {
  /** `*.example.org` stands for every name below that has no records of its own. */
  readonly name: string;
  readonly type: "A" | "AAAA" | "MX" | "TXT" | "PTR" | "CNAME" | "NS" | "TLSA";
  /** As dns-packet takes it: an address, `{ preference, exchange }`, a text. */
  readonly data: unknown;
  /** 60 if left out. */
  readonly ttlSeconds?: number;
}

export interface TestDnsServer {
  /** `127.0.0.1:port`, as `dns.servers` takes it. */
  readonly server: string;
  /** Questions so far, `TYPE name`. */
  readonly asked: readonly string[];
  /** Those of them that came over TCP. */
  readonly askedOverTcp: readonly string[];
  /** Names that answer SERVFAIL from now on. */
  readonly failing: Set<string>;
  /** Names that are never answered from now on. */
  readonly silent: Set<string>;
  /** Zones that are signed: what is asked for in them and below is answered with the AD bit to those who want to know. */
  readonly signed: Set<string>;
  /** Names whose answers are too large for UDP. */
  readonly truncated: Set<string>;
  /** Names for which forged replies arrive before the true one. */
  readonly forged: Set<string>;
  /** Names whose answers cannot be read. */
  readonly garbled: Set<string>;
  /** Names whose answers over TCP break off. */
  readonly brokenOverTcp: Set<string>;
  /** Names whose aliases are told without where they lead. */
  readonly unfollowed: Set<string>;
  close(): Promise<void>;
}

export interface TestDnsOptions {
  /** `false`: answers FORMERR to those who use EDNS. Looked at for each question. */
  readonly knowsEdns?: boolean;
  /** With it, there is a SOA record where there is nothing else. */
  readonly negativeTtlSeconds?: number;
}

const FORMERR = 1;
const SERVFAIL = 2;
const NXDOMAIN = 3;
const AUTHENTIC = 0x0020;
const RECURSION_AVAILABLE = 0x0080;
const TRUNCATED = 0x0200;
const ALIAS_LIMIT = 32;

export async function startDnsServer(
  zone: readonly ZoneRecord[],
  options: TestDnsOptions = {},
): Promise<TestDnsServer> {
  const { negativeTtlSeconds } = options;
  const asked: string[] = [];
  const askedOverTcp: string[] = [];
  const [failing, silent, signed, truncated] = [
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
    new Set<string>(),
  ];
  const [forged, garbled, unfollowed] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const brokenOverTcp = new Set<string>();

  const replyTo = (query: DecodedPacket, question: Question): Packet => {
    const name = question.name.toLowerCase();
    const head: Packet = { type: "response", id: query.id ?? 0, questions: [question] };
    if (options.knowsEdns === false && query.additionals?.some(({ type }) => type === "OPT"))
      return { ...head, flags: FORMERR };
    if (failing.has(name)) return { ...head, flags: RECURSION_AVAILABLE | SERVFAIL };
    const found = chain(zone, question, unfollowed);
    const isWanted = query.flag_ad || query.additionals?.some((record) => record.type === "OPT" && record.flag_do);
    const isSigned = found.names.every((passed) => [...signed].some((apex) => isBelow(passed, apex)));
    const code = found.exists || found.answers.length > 0 ? 0 : NXDOMAIN;
    return {
      ...head,
      flags: RECURSION_AVAILABLE | (isWanted && isSigned ? AUTHENTIC : 0) | code,
      answers: found.answers,
      authorities: found.isEmpty && negativeTtlSeconds !== undefined ? [startOfAuthority(negativeTtlSeconds)] : [],
    };
  };
  const { udp, tcp } = await openBoth();
  udp.on("message", (bytes, from) => {
    const query = decode(bytes);
    const question = query.questions?.[0];
    if (!question) return;
    asked.push(`${question.type} ${question.name}`);
    const name = question.name.toLowerCase();
    if (silent.has(name)) return;
    const send = (packet: Uint8Array) => udp.send(packet, from.port, from.address);
    if (forged.has(name)) for (const packet of forgeries(query, question)) send(encode(packet));
    if (garbled.has(name)) return send(encode({ type: "response", id: query.id ?? 0 }).subarray(0, 11));
    const reply = replyTo(query, question);
    send(encode(truncated.has(name) ? { ...reply, flags: (reply.flags ?? 0) | TRUNCATED, answers: [] } : reply));
  });
  tcp.on("connection", (socket) => {
    socket.on("error", () => socket.destroy());
    let held = Buffer.alloc(0);
    socket.on("data", (piece) => {
      held = Buffer.concat([held, piece]);
      while (held.length >= 2 && held.length >= held.readUInt16BE(0) + 2) {
        const end = held.readUInt16BE(0) + 2;
        const query = decode(held.subarray(2, end));
        held = held.subarray(end);
        const question = query.questions?.[0];
        if (!question) continue;
        asked.push(`${question.type} ${question.name}`);
        askedOverTcp.push(`${question.type} ${question.name}`);
        if (brokenOverTcp.has(question.name.toLowerCase())) socket.end(Buffer.from([0, 4, 1]));
        else socket.write(streamEncode(replyTo(query, question)));
      }
    });
  });
  const sockets = new Set<{ destroy(): void }>();
  tcp.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return {
    server: `127.0.0.1:${udp.address().port}`,
    asked,
    askedOverTcp,
    failing,
    silent,
    signed,
    truncated,
    forged,
    garbled,
    brokenOverTcp,
    unfollowed,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
}

/** Both on one port, which another may have taken for one of them. */
async function openBoth(): Promise<{ udp: Socket; tcp: Server }> {
  for (;;) {
    const udp = createSocket("udp4");
    udp.bind(0, "127.0.0.1");
    await once(udp, "listening");
    const tcp = createServer();
    const isOpen = await new Promise<boolean>((resolve) => {
      tcp.once("error", () => resolve(false));
      tcp.listen(udp.address().port, "127.0.0.1", () => resolve(true));
    });
    if (isOpen) return { udp, tcp };
    await new Promise<void>((resolve) => udp.close(() => resolve()));
  }
}

interface Found {
  readonly answers: Answer[];
  /** All names that the way led over. */
  readonly names: readonly string[];
  readonly exists: boolean;
  readonly isEmpty: boolean;
}

function chain(zone: readonly ZoneRecord[], { type, name: first }: Question, unfollowed: ReadonlySet<string>): Found {
  const answers: Answer[] = [];
  const names = [first.toLowerCase()];
  for (let name = first; ; ) {
    const ofName = recordsOf(zone, name.toLowerCase());
    const matching = ofName.filter((record) => record.type === type);
    const alias = matching.length === 0 ? ofName.find((record) => record.type === "CNAME") : undefined;
    for (const record of alias ? [alias] : matching) {
      const { type: kind, data, ttlSeconds = 60 } = record;
      answers.push({ name, type: kind, ttl: ttlSeconds, data } as Answer);
    }
    if (alias === undefined) return { answers, names, exists: ofName.length > 0, isEmpty: matching.length === 0 };
    if (unfollowed.has(name.toLowerCase()) || names.length > ALIAS_LIMIT)
      return { answers, names, exists: true, isEmpty: false };
    name = String(alias.data);
    names.push(name.toLowerCase());
  }
}

function recordsOf(zone: readonly ZoneRecord[], name: string): readonly ZoneRecord[] {
  const own = zone.filter((record) => record.name.toLowerCase() === name);
  if (own.length > 0) return own;
  return zone.filter((record) => record.name.startsWith("*.") && name.endsWith(record.name.slice(1).toLowerCase()));
}

/** With another id, and with another question. */
function forgeries(query: Packet, question: Question): Packet[] {
  const lie: Answer = { name: question.name, type: "A", ttl: 60, data: "192.0.2.66" };
  const head = { type: "response", flags: RECURSION_AVAILABLE | AUTHENTIC, answers: [lie] } as const;
  const other = { ...question, name: `not-${question.name}` };
  return [
    { ...head, answers: [lie], id: ((query.id ?? 0) + 1) % 0x1_0000, questions: [question] },
    { ...head, answers: [lie], id: query.id ?? 0, questions: [other] },
  ];
}

function startOfAuthority(seconds: number): Answer {
  const data = {
    mname: "ns.example",
    rname: "root.example",
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: seconds,
  };
  return { name: "example", type: "SOA", ttl: seconds, data };
}

const isBelow = (name: string, apex: string): boolean => apex === "." || name === apex || name.endsWith(`.${apex}`);
