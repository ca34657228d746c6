/**
 * `npm run bench -- first-open`: a Maildir that another program has filled (no sizes in names, LF), opened by IMAP for the first time, and
 * again when nothing is new, beside Dovecot. Both have the same files; each round has a mailbox that no server has seen.
 */
import { ImapClient } from "./imap-load.ts";
import { measureWorks } from "./imap-suite.ts";
import { loginOf, type Work } from "./imap-works.ts";
import { fillMaildir, linkMaildir } from "./mailbox-files.ts";
import { type MailboxPeer, ownMemoryBytes } from "./peer.ts";

const MIB = 1024 * 1024;
/** How often a known mailbox is opened in a round, by a session of its own each time. */
const REOPENINGS = 20;

export interface FirstOpenPlan {
  readonly messages: number;
  readonly rounds: number;
}

export async function measureFirstOpen(peers: readonly MailboxPeer[], plan: FirstOpenPlan): Promise<void> {
  for (const peer of peers) {
    const of = (name: string) => ({ directory: `${peer.maildirOf(1)}${name}`, uid: peer.mailUid });
    await fillMaildir(of(""), 1, 2_048);
    await fillMaildir(of("/.Foreign"), plan.messages, 4_096, { isForeign: true });
  }
  const before = await Promise.all(peers.map(({ pid }) => ownMemoryBytes(pid)));
  await measureWorks(peers, worksOf(plan), plan.rounds);
  for (const [index, { name, pid }] of peers.entries()) {
    const [was, is] = [before[index] ?? 0, await ownMemoryBytes(pid)];
    console.log(`memory of ${name}: ${(was / MIB).toFixed(0)} MiB before, ${(is / MIB).toFixed(0)} MiB after`);
  }
}

const worksOf = ({ messages }: FirstOpenPlan): readonly Work[] => [
  {
    what: "SELECT, the first ever, messages",
    async begin(peer, round) {
      const mailbox = await unseen(peer, `Select${round}`);
      const client = await ImapClient.logIn(loginOf(peer, 1));
      return async () => {
        await client.say(`SELECT ${mailbox}`);
        await client.logOut();
        return messages;
      };
    },
  },
  {
    what: "SELECT and FETCH 1:* RFC822.SIZE, messages",
    async begin(peer, round) {
      const mailbox = await unseen(peer, `Sizes${round}`);
      const client = await ImapClient.logIn(loginOf(peer, 1));
      return async () => {
        await client.say(`SELECT ${mailbox}`);
        await client.say("FETCH 1:* (RFC822.SIZE)");
        await client.logOut();
        return messages;
      };
    },
  },
  {
    what: "LOGIN, SELECT, LOGOUT, nothing new",
    begin: async (peer) => async () => {
      for (let turn = 0; turn < REOPENINGS; turn++) {
        const client = await ImapClient.logIn(loginOf(peer, 1));
        await client.say("SELECT Select1");
        await client.logOut();
      }
      return REOPENINGS;
    },
  },
];

async function unseen(peer: MailboxPeer, name: string): Promise<string> {
  const directory = `${peer.maildirOf(1)}/.${name}`;
  await linkMaildir(`${peer.maildirOf(1)}/.Foreign`, { directory, uid: peer.mailUid });
  return name;
}
