/**
 * The name that a client asks for (SNI, RFC 6066 3), read from its ClientHello before the handshake begins and put back into the
 * socket. Node's call-back for names comes too late where keys differ: OpenSSL then has the certificate of that name *beside* the
 * first one, and may show the first one because of its key. What is no ClientHello has no name: the handshake says what is wrong
 * with it. Rejects with `HandshakeFailed` when nothing comes in time or the client leaves.
 */
import type { Socket } from "node:net";
import { HandshakeFailed } from "./net-errors.ts";

/** Real ones have less than 2 KiB, with keys that withstand quantum computers; a longer one has no name for us. */
const HELLO_LIMIT = 16 * 1024;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;

export function askedServername(socket: Socket, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let octets: Buffer = Buffer.alloc(0);
    const end = (act: () => void) => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd);
      act();
    };
    const fail = (cause: string) => end(() => reject(new HandshakeFailed(cause)));
    const onEnd = () => fail("the client left before the handshake ended");
    const onReadable = () => {
      for (let chunk = read(socket); chunk !== null; chunk = read(socket)) {
        octets = octets.length === 0 ? chunk : Buffer.concat([octets, chunk]);
        const servername = servernameIn(octets);
        if (servername === undefined && octets.length < HELLO_LIMIT) continue;
        end(() => {
          socket.unshift(octets);
          resolve(servername ?? null);
        });
        return;
      }
    };
    const timer = setTimeout(() => fail(`no handshake within ${timeoutMs} ms`), timeoutMs);
    socket.on("readable", onReadable).on("end", onEnd).on("close", onEnd);
  });
}

/** `undefined`: more octets are needed to tell. */
export function servernameIn(octets: Buffer): string | null | undefined {
  const message = handshakeOctets(octets);
  if (message === null) return null;
  if (message.length < 4) return undefined;
  if (message[0] !== CLIENT_HELLO) return null;
  const length = message.readUIntBE(1, 3);
  if (message.length < 4 + length) return undefined;
  return servernameOf(message.subarray(4, 4 + length));
}

/** RFC 8446 5.1: a message may be spread over several records. */
function handshakeOctets(octets: Buffer): Buffer | null {
  const fragments: Buffer[] = [];
  for (let at = 0; at < octets.length; ) {
    if (octets[at] !== HANDSHAKE) return fragments.length > 0 ? Buffer.concat(fragments) : null;
    if (octets.length < at + 5) break;
    const end = at + 5 + octets.readUInt16BE(at + 3);
    fragments.push(octets.subarray(at + 5, end));
    at = end;
  }
  return fragments.length === 1 && fragments[0] ? fragments[0] : Buffer.concat(fragments);
}

/** RFC 8446 4.1.2: version, random, then three vectors in front of the extensions. */
function servernameOf(hello: Buffer): string | null {
  let at = 2 + 32;
  for (const sizeOctets of [1, 2, 1]) {
    if (hello.length < at + sizeOctets) return null;
    at += sizeOctets + hello.readUIntBE(at, sizeOctets);
  }
  at += 2;
  while (at + 4 <= hello.length) {
    const end = at + 4 + hello.readUInt16BE(at + 2);
    if (end > hello.length) return null;
    if (hello.readUInt16BE(at) === SERVER_NAME) return hostNameIn(hello.subarray(at + 4, end));
    at = end;
  }
  return null;
}

/** RFC 6066 3: a list of names, of which no more than one is a host name. */
function hostNameIn(list: Buffer): string | null {
  if (list.length < 5 || list[2] !== HOST_NAME) return null;
  const end = 5 + list.readUInt16BE(3);
  return end > list.length || end === 5 ? null : list.toString("latin1", 5, end);
}

const read = (socket: Socket): Buffer | null => socket.read() as Buffer | null;
