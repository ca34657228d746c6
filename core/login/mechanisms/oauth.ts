/**
 * OAUTHBEARER (RFC 7628) and XOAUTH2 (as Google and Microsoft describe it): a bearer token, and who the client says it is.
 * A refused client first gets the reason as JSON, answers with a dummy, and then hears of the failure.
 */
import type { TokenHints } from "../../contracts/account.ts";
import { askForInitial, type Exchange, type Mechanism, malformed } from "./mechanism.ts";
import { decodeSaslName } from "./sasl-name.ts";
import { credentialText, decodeUtf8 } from "./text.ts";

/** Tokens with many claims have a few kilobytes; RFC 4954 lets a line have 12. */
const MESSAGE_LIMIT_BYTES = 16_384;
/** RFC 6750 2.1: b64token */
const TOKEN = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

interface Presented {
  readonly login: string | null;
  readonly token: string;
}

function tokenMechanism(
  name: string,
  parse: (text: string) => Presented | null,
  refusal: (hints: TokenHints) => object,
): Mechanism {
  return {
    name,
    method: "token",
    async *begin(desk, initial): Exchange {
      const message = initial ?? (yield askForInitial);
      const text = message.length > MESSAGE_LIMIT_BYTES ? null : decodeUtf8(message);
      const presented = text === null ? null : parse(text);
      if (!presented) return malformed(`Invalid ${name} message`);
      const { login, token } = presented;
      const ending = await desk.check({ kind: "token", login, authzid: login, token });
      if (ending.at === "failure" && !ending.isTemporary) {
        // RFC 7628 3.2.3: the client answers with a dummy, whatever it holds
        yield Buffer.from(JSON.stringify(refusal(desk.hints)));
      }
      return ending;
    },
  };
}

/** RFC 7628 3.1: `gs2-header kvsep *kvpair kvsep` */
function parseBearer(text: string): Presented | null {
  const [header = "", ...rest] = text.split("\u0001");
  const match = /^[ny],(?:a=([^,]+))?,$/.exec(header);
  if (!match) return null;
  const [, name] = match;
  const login = name === undefined ? null : decodeSaslName(name);
  if (name !== undefined && (!login || !credentialText(Buffer.from(login)))) return null;
  const token = tokenIn(rest);
  return token === null ? null : { login, token };
}

/** `user=` login ^A `auth=Bearer ` token ^A ^A */
function parseXoauth2(text: string): Presented | null {
  const [user = "", ...rest] = text.split("\u0001");
  const login = user.startsWith("user=") ? credentialText(Buffer.from(user.slice(5))) : null;
  const token = tokenIn(rest);
  return login && token !== null ? { login, token } : null;
}

/** Of `key=value` pairs that end with an empty one. */
function tokenIn(pairs: readonly string[]): string | null {
  if (pairs.at(-1) !== "" || pairs.at(-2) !== "") return null;
  const auth = pairs.filter((pair) => pair.startsWith("auth="));
  return auth.length === 1 ? (TOKEN.exec(auth[0]?.slice(5) ?? "")?.[1] ?? null) : null;
}

export const oauthBearer = tokenMechanism("OAUTHBEARER", parseBearer, ({ scope, openidConfiguration }) => ({
  status: "invalid_token",
  ...(scope !== undefined && { scope }),
  ...(openidConfiguration !== undefined && { "openid-configuration": openidConfiguration }),
}));

export const xoauth2 = tokenMechanism("XOAUTH2", parseXoauth2, ({ scope }) => ({
  status: "401",
  schemes: "bearer",
  scope: scope ?? "",
}));
