/** Postfix as a peer: SMTP on loopback, virtual(8) delivery into one Maildir. */
import { Postfix } from "../clients/postfix.ts";
import { freePort } from "../server/ports.ts";
import type { Peer } from "./peer.ts";

/** `sink`: delivered by discard(8). */
export async function startPostfix(delivery: "maildir" | "sink"): Promise<Peer> {
  const settings = delivery === "sink" ? ["virtual_transport = discard:"] : [];
  const postfix = await Postfix.start({ port: await freePort(), relayPort: 9, settings });
  const { port, maildir } = postfix;
  return {
    name: "postfix",
    port,
    maildir: delivery === "sink" ? null : maildir,
    recipient: "good@far.example",
    pid: await postfix.pid(),
    stop: () => postfix.stop(),
  };
}
