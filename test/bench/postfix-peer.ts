/** Postfix as a peer: SMTP on loopback, virtual(8) delivery into one Maildir. */
import { Postfix } from "../clients/postfix.ts";
import { freePort } from "../server/ports.ts";
import type { Peer } from "./peer.ts";
import { startRelaySink } from "./relay-sink.ts";

/** `sink`: delivered by discard(8). `relay`: by smtp(8) to smtp-sink. */
export async function startPostfix(delivery: "maildir" | "sink" | "relay"): Promise<Peer> {
  const settings = delivery === "sink" ? ["virtual_transport = discard:"] : [];
  const relayPort = await freePort();
  const postfix = await Postfix.start({ port: await freePort(), relayPort, settings });
  const relay = delivery === "relay" ? await startRelaySink(relayPort) : null;
  const { port, maildir } = postfix;
  return {
    name: "postfix",
    port,
    maildir: delivery === "maildir" ? maildir : null,
    ...(relay && { relay }),
    recipient: delivery === "relay" ? "user@example.org" : "good@far.example",
    pid: await postfix.pid(),
    async stop() {
      await postfix.stop();
      await relay?.stop();
    },
  };
}
