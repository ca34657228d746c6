/** One message between the real client and a scripted peer, and the usual ways in which a peer behaves. */
import { Readable } from "node:stream";
import type { OutboundResult } from "../contracts/outbound.ts";
import { briefResult, outboundRequest, type RequestOf, testOutbound } from "./outbound.ts";
import { type Peer, type PeerServer, startPeerServer } from "./smtp-peer.ts";

type Script = (peer: Peer) => Promise<void>;

export interface Talked {
  readonly result: OutboundResult;
  readonly brief: readonly string[];
  readonly server: PeerServer;
}

/** All that it opens ends with `close`. */
export class SmtpTalks {
  readonly #closing: (() => unknown)[] = [];

  client() {
    const outbound = testOutbound();
    this.#closing.push(() => outbound.close());
    return outbound;
  }

  async serve(script: Script, at?: { readonly path: string }): Promise<PeerServer> {
    const server = await startPeerServer(script, at);
    this.#closing.push(() => server.close());
    return server;
  }

  /** One message to a peer with this script. */
  async converse(script: Script, request: RequestOf = {}): Promise<Talked> {
    const server = await this.serve(script);
    const result = await this.client().send(outboundRequest({ port: server.port, ...request }));
    return { result, brief: briefResult(result), server };
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).reverse()) await close();
  }
}

export const usualReplies = { EHLO: "250 peer.example", MAIL: "250 2.1.0 ok", RCPT: "250 2.1.5 ok", DATA: "354 go on" };

/** Answers as told, content included (`.`), until the client leaves. */
export async function speak(peer: Peer, replies: Readonly<Record<string, string>>): Promise<void> {
  const { ".": end = "250 2.0.0 taken", greeting = "220 peer.example", ...verbs } = { ...usualReplies, ...replies };
  const { DATA: ready, ...others } = verbs;
  peer.say(greeting);
  for (;;) {
    const line = await peer.answer(others);
    if (line !== "DATA") return;
    peer.say(ready);
    if (!ready.startsWith("354")) continue;
    await peer.until(".\r\n");
    peer.say(...end.split("\n"));
  }
}

/** Everything up to 354. */
export async function speakUntilContent(peer: Peer): Promise<void> {
  await peer.greet();
  await peer.answer({ MAIL: "250 ok", RCPT: "250 ok" });
  peer.say("354 go on");
}

/** So large that no peer waits for its end, and never in memory. */
export const largeMessage: NonNullable<RequestOf["message"]> = {
  sizeBytes: 1e9,
  inMemory: () => null,
  content: () => Readable.from(pieces(), { objectMode: false }),
};

function* pieces() {
  yield Buffer.from("Subject: x\r\n\r\n");
  for (let count = 0; count < 4_000; count += 1) yield Buffer.alloc(16_384, "x");
}
