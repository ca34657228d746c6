/**
 * XCLIENT (Postfix's XCLIENT_README): a proxy that the operator trusts says who the client really is. The session begins anew
 * with that client: the hook `connect` is asked again, and 220 is the answer. Strangers get 550, and nothing changes.
 */
import { type AccountAnswer, Accounts } from "../../contracts/account.ts";
import type { SessionState } from "../../kernel/session.ts";
import { type Attributes, parseAttributes, parseClientAddress, parseHostName, parsePort } from "../attributes.ts";
import type { Answer, Conversation } from "../conversation.ts";
import { badAttributes, inTransaction, localError, notTrusted } from "../replies.ts";
import { openSession } from "./connect.ts";

const NAMES = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"] as const;
export const XCLIENT_KEYWORD = `XCLIENT ${NAMES.join(" ")}`;

/** What stands for an address that the proxy does not know: it is in no network. */
const UNKNOWN_ADDRESS = "unknown";

/** By the address that the connection comes from, whatever XCLIENT has said since. */
export const mayXclient = ({ parts, peerAddress }: Conversation): boolean =>
  parts.config.peers.xclient.includes(peerAddress);

export function xclient(conversation: Conversation, argument: string): Answer | Promise<Answer> {
  if (!mayXclient(conversation)) return notTrusted;
  if (conversation.transaction !== null) return inTransaction;
  const attributes = parseAttributes(argument, NAMES);
  const facts = attributes && readFacts(attributes, conversation.session);
  return facts === null ? badAttributes : become(conversation, facts);
}

interface Facts extends Pick<SessionState, "remote" | "local" | "heloName"> {
  readonly isExtended: boolean | undefined;
  readonly login: string | null;
}

type Said = Attributes<(typeof NAMES)[number]>;

function readFacts(said: Said, { remote, local, isExtended }: SessionState): Facts | null {
  const address = read(said, "ADDR", remote.address, UNKNOWN_ADDRESS, parseClientAddress);
  const port = read(said, "PORT", remote.port, 0, parsePort);
  const hostname = read(said, "NAME", remote.hostname, null, parseHostName);
  const localAddress = read(said, "DESTADDR", local.address, UNKNOWN_ADDRESS, parseClientAddress);
  const localPort = read(said, "DESTPORT", local.port, 0, parsePort);
  const protocol = read<boolean | undefined>(said, "PROTO", undefined, undefined, parseProtocol);
  if (!address || !port || !hostname || !localAddress || !localPort || !protocol) return null;
  return {
    remote: {
      address: address.is,
      port: port.is,
      // A name belongs to its address: the proxy's own is not that of another client.
      hostname: said.has("ADDR") && !said.has("NAME") ? null : hostname.is,
    },
    local: { address: localAddress.is, port: localPort.is },
    heloName: said.get("HELO") ?? null,
    isExtended: protocol.is ?? isExtended,
    login: said.get("LOGIN") ?? null,
  };
}

/** `null`: it was said, and badly. */
function read<T>(
  said: Said,
  name: (typeof NAMES)[number],
  unsaid: T,
  unknown: T,
  parse: (value: string) => NonNullable<T> | null,
): { readonly is: T } | null {
  const value = said.get(name);
  if (value === undefined) return { is: unsaid };
  if (value === null) return { is: unknown };
  const parsed = parse(value);
  return parsed === null ? null : { is: parsed };
}

function parseProtocol(value: string): boolean | null {
  const word = value.toUpperCase();
  return word === "ESMTP" ? true : word === "SMTP" ? false : null;
}

function become(conversation: Conversation, facts: Facts): Answer | Promise<Answer> {
  if (facts.login === null) return begin(conversation, facts, null);
  const { login } = facts;
  return conversation.parts.kernel
    .service(Accounts)
    .byLogin(login)
    .then((account) => begin(conversation, facts, account));
}

/** The proxy vouches for the login, as for everything else. A directory that cannot answer now changes nothing. */
function begin(conversation: Conversation, facts: Facts, account: AccountAnswer | null): Answer | Promise<Answer> {
  if (account?.at === "unavailable") return localError;
  const { session } = conversation;
  conversation.startOver();
  session.remote = facts.remote;
  session.local = facts.local;
  session.heloName = facts.heloName;
  if (facts.isExtended !== undefined) session.isExtended = facts.isExtended;
  session.identity =
    facts.login === null
      ? null
      : account?.at === "found"
        ? { login: facts.login, account: account.account }
        : { login: facts.login };
  conversation.log.info({ proxy: conversation.peerAddress, login: facts.login }, "client by XCLIENT");
  return openSession(conversation);
}
