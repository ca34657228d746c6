/** Postfix as a peer: SMTP on loopback, virtual(8) delivery into one Maildir. */
import { Postfix } from "../clients/postfix.ts";
import { freePort } from "../server/ports.ts";
import type { Peer } from "./peer.ts";

export async function startPostfix(): Promise<Peer> {
  const postfix = await Postfix.start({ port: await freePort(), relayPort: 9 });
  const { port, maildir } = postfix;
  return {
    name: "postfix",
    port,
    maildir,
    recipient: "good@far.example",
    pid: await postfix.pid(),
    stop: () => postfix.stop(),
  };
}
