/**
 * A socket to one host, by whichever of its addresses answers first (RFC 8305 5): attempts begin one after the other with a short delay, or at
 * once when the one before has failed. Throws `OutboundFault` when none answers in time; no socket is left behind.
 */
import { connect as connectSocket, isIP, type Socket } from "node:net";
import type { OutboundPlace, OutboundRequest } from "../contracts/outbound.ts";
import { OutboundFault, reasonOf } from "./outbound-fault.ts";

export interface Connected {
  readonly socket: Socket;
  /** `unix:` and the path for a unix socket. */
  readonly address: string;
  /** Ours; `null` of a unix socket. */
  readonly localAddress: string | null;
}

// RFC 8305 5: "One recommended value for a default delay is 250 milliseconds"
const ATTEMPT_DELAY_MS = 250;

type Source = OutboundRequest["source"];

export interface ConnectOptions {
  readonly place: OutboundPlace;
  readonly source: Source;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Attempt {
  readonly address: string;
  readonly open: () => Socket;
}

export function connect({ place, source, timeoutMs, signal }: ConnectOptions): Promise<Connected> {
  const attempts =
    "path" in place ? [unixAttempt(place.path)] : inTurns(place.addresses).map(tcpAttempt(place.port, source));
  return race(attempts, timeoutMs, signal);
}

const unixAttempt = (path: string): Attempt => ({ address: `unix:${path}`, open: () => connectSocket({ path }) });

const tcpAttempt =
  (port: number, source: Source) =>
  (address: string): Attempt => {
    const localAddress = isIP(address) === 6 ? source?.ipv6 : source?.ipv4;
    return {
      address,
      open: () =>
        connectSocket({ host: address, port, noDelay: true, ...(localAddress !== undefined && { localAddress }) }),
    };
  };

/** RFC 8305 4: families take turns, beginning with that of the first address. */
function inTurns(addresses: readonly string[]): readonly string[] {
  const family = isIP(addresses[0] ?? "");
  const preferred = addresses.filter((address) => isIP(address) === family);
  const others = addresses.filter((address) => isIP(address) !== family);
  return preferred.length === 0 || others.length === 0
    ? addresses
    : Array.from({ length: Math.max(preferred.length, others.length) }, (_, at) => [preferred[at], others[at]])
        .flat()
        .filter((address) => address !== undefined);
}

function race(attempts: readonly Attempt[], timeoutMs: number, signal: AbortSignal): Promise<Connected> {
  return new Promise((resolve, reject) => {
    const open = new Set<Socket>();
    const reasons: string[] = [];
    let next = 0;
    let delay: NodeJS.Timeout | null = null;
    const settle = (winner: Socket | null) => {
      if (delay !== null) clearTimeout(delay);
      clearTimeout(limit);
      signal.removeEventListener("abort", onAbort);
      for (const socket of open) if (socket !== winner) socket.destroy();
    };
    const fail = (reason: string) => {
      settle(null);
      reject(new OutboundFault("connect", [...new Set([...reasons, reason])].slice(0, 5).join("; ")));
    };
    const onAbort = () => fail("the delivery was called off");
    const limit = setTimeout(() => fail(`no connection within ${Math.ceil(timeoutMs / 1_000)} s`), timeoutMs);
    const begin = () => {
      if (delay !== null) clearTimeout(delay);
      delay = null;
      const attempt = attempts[next];
      next += 1;
      if (attempt === undefined) {
        if (open.size === 0) fail(reasons.pop() ?? "there is no address to connect to");
        return;
      }
      let socket: Socket;
      try {
        socket = attempt.open();
      } catch (cause) {
        reasons.push(reasonOf(cause));
        begin();
        return;
      }
      open.add(socket);
      const onError = (error: Error) => {
        open.delete(socket);
        socket.destroy();
        reasons.push(error.message);
        begin();
      };
      socket.once("error", onError);
      socket.once("connect", () => {
        settle(socket);
        socket.off("error", onError);
        resolve({ socket, address: attempt.address, localAddress: socket.localAddress ?? null });
      });
      if (next < attempts.length) delay = setTimeout(begin, ATTEMPT_DELAY_MS);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    else begin();
  });
}
