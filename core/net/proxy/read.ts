/**
 * Takes the PROXY header off a socket before anybody else reads it. What came behind it in the same packet goes back into the
 * socket: a TLS handshake or a protocol finds it there. Rejects with `ProxyHeaderBad` when the header is wrong, does not come in
 * time, or the peer leaves.
 */
import type { Socket } from "node:net";
import { ProxyHeaderBad } from "../net-errors.ts";
import type { ProxyHeader } from "./header.ts";
import { parseProxyHeader } from "./parse.ts";

export function readProxyHeader(socket: Socket, timeoutMs: number): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    // Bounded: a header is refused as soon as it says that it is longer than the limit.
    let octets: Buffer = Buffer.alloc(0);
    const end = (act: () => void) => {
      clearTimeout(timer);
      socket.off("readable", onReadable);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
      act();
    };
    const fail = (cause: string) => end(() => reject(new ProxyHeaderBad(cause)));
    const onEnd = () => fail(octets.length === 0 ? "the peer left without a PROXY header" : "half a PROXY header");
    const onReadable = () => {
      for (let chunk = read(socket); chunk !== null; chunk = read(socket)) {
        octets = octets.length === 0 ? chunk : Buffer.concat([octets, chunk]);
        const step = parseProxyHeader(octets);
        if (step.at === "more") continue;
        if (step.at === "bad") {
          fail(step.cause);
          return;
        }
        const { header, length } = step;
        end(() => {
          if (octets.length > length) socket.unshift(octets.subarray(length));
          resolve(header);
        });
        return;
      }
    };
    const timer = setTimeout(() => fail(`no PROXY header within ${timeoutMs} ms`), timeoutMs);
    socket.on("readable", onReadable);
    socket.on("end", onEnd);
    socket.on("close", onEnd);
  });
}

const read = (socket: Socket): Buffer | null => socket.read() as Buffer | null;
