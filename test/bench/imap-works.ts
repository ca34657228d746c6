/** What the suite `imap` has servers do, and counts. `begin` prepares, outside of what is measured. */
import { performance } from "node:perf_hooks";
import { ImapClient, type ImapLogin } from "./imap-load.ts";
import { linkMaildir, messageOf } from "./mailbox-files.ts";
import type { MailboxPeer } from "./peer.ts";

export interface ImapPlan {
  readonly users: number;
  readonly rounds: number;
  /** In the large mailbox. */
  readonly messages: number;
  /** How many sessions idle. */
  readonly idle: number;
  /** How long logins and APPEND go on in each round. */
  readonly seconds: number;
  /** Parts of names of works; `null`: all. */
  readonly only: readonly string[] | null;
}

export interface Work {
  readonly what: string;
  /** Resolves to the work itself, which answers how many things it did. */
  begin(peer: MailboxPeer, round: number): Promise<() => Promise<number>>;
}

export const loginOf = (peer: MailboxPeer, user: number): ImapLogin => ({
  port: peer.imapPort,
  login: peer.loginOf(user),
  password: "secret",
});

const items = "(FLAGS UID ENVELOPE BODYSTRUCTURE)";

export function worksOf(plan: ImapPlan): readonly Work[] {
  const { messages, seconds, users } = plan;
  const onOne = async (peer: MailboxPeer, mailbox: string, run: (client: ImapClient) => Promise<number>) => {
    const client = await ImapClient.logIn(loginOf(peer, 1));
    await client.say(`SELECT ${mailbox}`);
    return async () => {
      const count = await run(client);
      await client.logOut();
      return count;
    };
  };
  /** Answers how many responses came; so many that it was right. */
  const commandOf = (command: string, least: number) => async (client: ImapClient) => {
    const before = client.untagged;
    await client.say(command);
    if (client.untagged - before < least) throw new Error(`${command}: ${client.untagged - before} responses only`);
    return least;
  };
  const logins = (connections: number): Work => ({
    what: `connect, LOGIN, SELECT, LOGOUT; by ${connections}`,
    begin: async (peer) => async () => {
      const untilMs = performance.now() + seconds * 1000;
      let count = 0;
      const one = async (slot: number) => {
        for (; performance.now() < untilMs; count++) {
          const client = await ImapClient.logIn(loginOf(peer, (slot % users) + 1));
          await client.say("SELECT INBOX");
          await client.logOut();
        }
      };
      await Promise.all(Array.from({ length: connections }, (_, slot) => one(slot)));
      return count;
    },
  });
  const cold = (what: string, run: (peer: MailboxPeer, mailbox: string) => Promise<() => Promise<number>>): Work => ({
    what,
    async begin(peer, round) {
      const mailbox = `Cold${what.length}x${round}`;
      const directory = `${peer.maildirOf(1)}/.${mailbox}`;
      await linkMaildir(`${peer.maildirOf(1)}/.Big`, { directory, uid: peer.mailUid });
      return run(peer, mailbox);
    },
  });
  return [
    logins(1),
    logins(10),
    cold("SELECT of a mailbox never seen, messages", async (peer, mailbox) => {
      const client = await ImapClient.logIn(loginOf(peer, 1));
      return async () => {
        await client.say(`SELECT ${mailbox}`);
        await client.logOut();
        return messages;
      };
    }),
    cold("FETCH 1:* of a list, cold, messages", (peer, mailbox) =>
      onOne(peer, mailbox, commandOf(`FETCH 1:* ${items}`, messages)),
    ),
    {
      what: "FETCH 1:* of a list, warm, messages",
      begin: (peer) => onOne(peer, "Big", commandOf(`FETCH 1:* ${items}`, messages)),
    },
    {
      what: "FETCH 1:* (FLAGS UID), messages",
      begin: (peer) => onOne(peer, "Big", commandOf("FETCH 1:* (FLAGS UID)", messages)),
    },
    {
      what: "FETCH of header fields, messages",
      begin: (peer) =>
        onOne(
          peer,
          "Body",
          commandOf("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (FROM TO SUBJECT DATE)])", Math.min(1_000, messages)),
        ),
    },
    {
      what: "FETCH 1:* BODY.PEEK[], 10 KiB, messages",
      begin: (peer) => onOne(peer, "Body", commandOf("FETCH 1:* BODY.PEEK[]", Math.min(1_000, messages))),
    },
    {
      what: "SEARCH TEXT, messages",
      begin: (peer) =>
        onOne(peer, "Big", async (client) => {
          await commandOf("SEARCH TEXT xyzzyneedle", 1)(client);
          return messages;
        }),
    },
    {
      what: "STORE 1:* +FLAGS, messages",
      begin: async (peer, round) => {
        const sign = round % 2 ? "-" : "+";
        return onOne(peer, "Big", commandOf(`STORE 1:* ${sign}FLAGS (\\Flagged)`, messages));
      },
    },
    {
      what: "APPEND of 4 KiB by 10 connections",
      async begin(peer) {
        const content = Buffer.from(messageOf(1, 4_096));
        const clients = await Promise.all(
          Array.from({ length: 10 }, (_, slot) => ImapClient.logIn(loginOf(peer, (slot % users) + 1))),
        );
        return async () => {
          const untilMs = performance.now() + seconds * 1000;
          let count = 0;
          const one = async (client: ImapClient) => {
            for (; performance.now() < untilMs; count++) await client.say("APPEND INBOX", content);
            await client.logOut();
          };
          await Promise.all(clients.map(one));
          return count;
        };
      },
    },
  ];
}
