/**
 * One question to one server: over UDP, and over TCP when the answer does not fit (RFC 7766 5). Each question has a socket, a source
 * port and an id of its own, and only what comes from that server, with that id and that question, counts as an answer (RFC 5452 9). Rejects
 * with an `ExchangeError` when there is none in time.
 */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { type Question, type Reply, readReply, recordTypes, writeQuery } from "./message.ts";

export interface DnsServer {
  readonly address: string;
  readonly port: number;
}

export interface Asking {
  readonly question: Question;
  readonly edns: "plain" | "secure" | null;
  readonly timeoutMs: number;
}

/** `code` as c-ares calls it: ETIMEOUT, ECONNREFUSED, EBADRESP. */
export class ExchangeError extends Error {
  readonly code: string;
  constructor(code: string, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}

// Somebody guesses: over TCP that is of no use.
const STRAY_LIMIT = 10;

export async function exchange(server: DnsServer, asking: Asking): Promise<Reply> {
  const reply = await overUdp(server, asking);
  return reply === "over TCP" ? overTcp(server, asking) : reply;
}

function overUdp(server: DnsServer, { question, edns, timeoutMs }: Asking): Promise<Reply | "over TCP"> {
  const id = randomInt(0x1_0000);
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
    let strays = 0;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => undefined); // whatever it still has to say
      socket.close();
      settle();
    };
    const fail = (error: NodeJS.ErrnoException) => end(() => reject(brokenOff(error)));
    const timer = setTimeout(() => end(() => reject(new ExchangeError("ETIMEOUT"))), timeoutMs);
    socket.on("error", fail);
    socket.on("message", (bytes) => {
      const reply = readReply(bytes);
      if (reply !== null && isAnswerTo(reply, id, question))
        return end(() => resolve(reply.isTruncated ? "over TCP" : reply));
      strays += 1;
      if (strays >= STRAY_LIMIT) end(() => resolve("over TCP"));
    });
    // Connected: the system lets nothing pass that comes from elsewhere, and tells of a port that is closed.
    socket.connect(server.port, server.address, () => {
      socket.send(writeQuery(id, question, edns), (error) => {
        if (error) fail(error);
      });
    });
  });
}

function overTcp(server: DnsServer, { question, edns, timeoutMs }: Asking): Promise<Reply> {
  const id = randomInt(0x1_0000);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.address, port: server.port, noDelay: true });
    const pieces: Buffer[] = [];
    let size = 0;
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => undefined); // whatever it still has to say
      socket.destroy();
      settle();
    };
    const fail = (code: string) => end(() => reject(new ExchangeError(code)));
    const timer = setTimeout(() => fail("ETIMEOUT"), timeoutMs);
    socket.on("error", (error) => end(() => reject(brokenOff(error))));
    socket.on("close", () => fail("EBADRESP"));
    socket.on("connect", () => {
      const query = writeQuery(id, question, edns);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query])); // RFC 7766 8: in one segment
    });
    socket.on("data", (piece: Buffer) => {
      pieces.push(piece);
      size += piece.length;
      if (size < 2) return;
      const bytes = Buffer.concat(pieces);
      const length = bytes.readUInt16BE(0);
      if (size < length + 2) return;
      const reply = readReply(bytes.subarray(2, length + 2));
      if (reply === null || reply.isTruncated || !isAnswerTo(reply, id, question)) return fail("EBADRESP");
      end(() => resolve(reply));
    });
  });
}

const isAnswerTo = (reply: Reply, id: number, { name, type }: Question): boolean =>
  reply.id === id &&
  reply.question !== null &&
  reply.question.name === name &&
  reply.question.type === recordTypes[type];

const brokenOff = (cause: NodeJS.ErrnoException): ExchangeError =>
  new ExchangeError(cause.code ?? "EBADRESP", { cause });
