/**
 * SCRAM-SHA-1, SCRAM-SHA-256 (RFC 5802, RFC 7677) and their -PLUS forms: the password stays with the client, and the server
 * shows that it knows it, too. Works from stored SCRAM secrets and from passwords in clear; everybody else, unknown users
 * included, gets a fake that stays the same. Each exchange costs one derivation, whatever is stored, so that time tells nothing.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { ChannelBindingType, Session } from "../../contracts/session.ts";
import { clearText } from "../passwords/clear.ts";
import { parseSecret } from "../passwords/scheme.ts";
import { digestOf, hmac, type ScramCost, type ScramHash, type ScramKeys } from "../passwords/scram-keys.ts";
import { parseScram, scramHashes } from "../passwords/scram-secret.ts";
import { saslprep } from "../saslprep.ts";
import { askForInitial, type Desk, type Exchange, type Kept, type Mechanism, malformed } from "./mechanism.ts";
import { type ClientFirst, parseClientFinal, parseClientFirst } from "./scram-messages.ts";
import { checkedText } from "./text.ts";

/** The strongest first, as RFC 9266 3 wants it. */
const BINDINGS: readonly ChannelBindingType[] = ["tls-exporter", "tls-server-end-point"];

export const canBind = ({ tls }: Session): boolean => BINDINGS.some((type) => tls?.channelBinding?.(type));

function scram(base: string, isPlus: boolean): Mechanism {
  const hash = scramHashes[base] ?? "sha256";
  return {
    name: isPlus ? `${base}-PLUS` : base,
    method: base === "SCRAM-SHA-1" ? "scram-sha-1" : "scram-sha-256",
    ...(isPlus && { fits: canBind }),
    begin: (desk, initial) => converse({ desk, base, hash, isPlus }, initial),
  };
}

export const scramMechanisms: readonly Mechanism[] = [
  scram("SCRAM-SHA-256", true),
  scram("SCRAM-SHA-256", false),
  scram("SCRAM-SHA-1", true),
  scram("SCRAM-SHA-1", false),
];

interface Setting {
  readonly desk: Desk;
  readonly base: string;
  readonly hash: ScramHash;
  readonly isPlus: boolean;
}

async function* converse(setting: Setting, initial: Uint8Array | null): Exchange {
  const { desk, hash } = setting;
  const first = parseClientFirst(initial ?? (yield askForInitial));
  if (typeof first === "string") return malformed(first);
  // RFC 5802 5.1: the name is prepared with SASLprep
  const login = checkedText(saslprep(first.login) ?? "\0");
  const authzid = first.authzid === null ? null : checkedText(first.authzid);
  if (!login || (first.authzid !== null && !authzid)) return malformed("Invalid SCRAM name");
  const found = await desk.lookUp(login, authzid);
  if (found.at === "failure") return found;
  const data = boundData(setting, first);
  if (typeof data === "string") return desk.invalid(login, data);
  let kept: Held;
  try {
    kept = await held(setting, login, found);
  } catch (cause) {
    return desk.unavailable(login, cause);
  }
  const nonce = first.nonce + randomBytes(18).toString("base64");
  const challenge = `r=${nonce},s=${Buffer.from(kept.salt).toString("base64")},i=${kept.iterations}`;
  const final = parseClientFinal(yield Buffer.from(challenge));
  if (typeof final === "string") return malformed(final);
  // RFC 5802 5.1: the whole nonce, and the header with the data of the channel
  if (final.nonce !== nonce) return desk.invalid(login, "another nonce");
  if (!isSame(final.binding, Buffer.concat([Buffer.from(first.header), data])))
    return desk.invalid(login, "another channel binding: somebody may stand between client and server");
  const proven = `${first.bare},${challenge},${final.withoutProof}`;
  const isRight = isProof(hash, kept, proven, final.proof);
  if (!isRight || !found.identity || !kept.isReal) return desk.invalid(login, whyNot(found, kept));
  const ending = desk.accept(found.identity, { login, authzid });
  if (ending.at === "failure") return ending;
  // SMTP, IMAP and POP3 have no place for data with the success (RFC 4422 3.6): one more round
  const answer = yield Buffer.from(`v=${hmac(hash, kept.serverKey, proven).toString("base64")}`);
  return answer.length === 0 ? ending : malformed("Nothing was expected after the server's signature");
}

/** What the channel binding must hold; a text says why the client cannot be trusted to speak with us directly. */
function boundData({ desk, base, isPlus }: Setting, { binding }: ClientFirst): Uint8Array | string {
  if (binding.flag !== "p") {
    if (isPlus) return "a -PLUS mechanism without channel binding";
    // RFC 5802 6: the client thinks that we cannot, so somebody has changed the list that we sent
    const isDowngraded = binding.flag === "y" && desk.offered.includes(`${base}-PLUS`);
    return isDowngraded ? "the offer of channel binding did not reach the client" : new Uint8Array(0);
  }
  if (!isPlus) return "channel binding without a -PLUS mechanism";
  const type = BINDINGS.find((one) => one === binding.type);
  const data = type && desk.session.tls?.channelBinding?.(type);
  return data || "a channel binding that this connection does not have";
}

interface Held extends ScramCost, ScramKeys {
  readonly isReal: boolean;
}

/** Rejects when a secret cannot be used, or the hash pool is busy. */
async function held({ desk, base, hash }: Setting, login: string, { secrets }: Kept): Promise<Held> {
  const { fakes, passwords } = desk;
  const cost = { hash, salt: fakes.salt(login, hash), iterations: fakes.iterations };
  const clear = secrets.map(clearText).find((one) => one !== null) ?? null;
  const derived = await passwords.scramKeys(clear ?? "nobody's", cost);
  const stored = secrets.map(parseSecret).find((one) => one?.scheme === base);
  if (stored) return { ...parseScram(stored, hash), isReal: true };
  return clear === null
    ? { ...cost, ...fakes.keys(login, hash), isReal: false }
    : { ...cost, ...derived, isReal: true };
}

/** RFC 5802 3: ClientKey := ClientProof XOR ClientSignature; H(ClientKey) is StoredKey */
function isProof(hash: ScramHash, { storedKey }: ScramKeys, proven: string, proof: Buffer): boolean {
  const signature = hmac(hash, storedKey, proven);
  const clientKey = signature.map((octet, at) => octet ^ (proof[at] ?? 0));
  return timingSafeEqual(digestOf(hash, clientKey), storedKey) && proof.length === signature.length;
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other);

function whyNot({ identity }: Kept, { isReal }: Held): string {
  if (!identity) return "unknown login";
  return isReal ? "wrong password" : "nothing stored that fits the mechanism";
}
