/** Stands between a client and the server, changes nothing, and holds what the server sends against its grammar. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { checkStream } from "./response-grammar.ts";

export interface GrammarProxy {
  readonly port: number;
  /** Throws where a connection had a response that is none. */
  close(): Promise<void>;
}

/** From here on it is no clear text. */
const turn = /^\S+ OK (?:Begin TLS|Compression is on)[^\r\n]*\r\n/m;

export async function grammarProxy(target: number): Promise<GrammarProxy> {
  const sent: { octets: string; isCut: boolean }[] = [];
  const server = createServer((client) => {
    const record = { octets: "", isCut: false };
    sent.push(record);
    const upstream = connect(target, "127.0.0.1");
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => {
      record.isCut = true;
    });
    upstream.on("data", (piece: Buffer) => {
      record.octets += piece.toString("latin1");
    });
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      for (const { octets } of sent) {
        const end = turn.exec(octets);
        checkStream(end ? octets.slice(0, end.index + end[0].length) : octets, { isCut: true });
      }
    },
  };
}
