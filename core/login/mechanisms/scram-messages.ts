/** The messages of SCRAM (RFC 5802 7), parsed strictly. A text says what is wrong. */
import { decodeSaslName } from "./sasl-name.ts";
import { decodeUtf8 } from "./text.ts";

const LIMIT_BYTES = 4096;
const NONCE = "[\\x21-\\x2b\\x2d-\\x7e]{1,512}";
// gs2-cbind-flag "," [authzid] "," then username and nonce. RFC 5802 5.1: "m=" before them stands for extensions that must be
// understood, of which there are none; those behind them may be ignored.
const FIRST = new RegExp(
  `^((?:n|y|p=([A-Za-z0-9.-]{1,64})),(?:a=([^,\\0]+))?,)(n=([^,\\0]+),r=(${NONCE})(?:,[^\\0]*)?)$`,
  "u",
);
const BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?";
const FINAL = new RegExp(`^(c=(${BASE64}),r=(${NONCE})(?:,[^\\0]*?)?),p=(${BASE64})$`, "u");

export interface ClientFirst {
  /** `gs2-header`: what `c=` must repeat. */
  readonly header: string;
  /** `n`: the client knows no channel binding. `y`: it does, and thinks that we do not. */
  readonly binding: { readonly flag: "n" | "y" } | { readonly flag: "p"; readonly type: string };
  readonly authzid: string | null;
  readonly login: string;
  readonly nonce: string;
  readonly bare: string;
}

export interface ClientFinal {
  readonly binding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
  readonly withoutProof: string;
}

export function parseClientFirst(message: Uint8Array): ClientFirst | string {
  const text = message.length > LIMIT_BYTES ? null : decodeUtf8(message);
  const match = text === null ? null : FIRST.exec(text);
  if (!match) return "Invalid SCRAM message";
  const [, header = "", type, zid, bare = "", name = "", nonce = ""] = match;
  const login = decodeSaslName(name);
  const authzid = zid === undefined ? null : decodeSaslName(zid);
  if (!login || (zid !== undefined && !authzid)) return "Invalid SCRAM name";
  const flag = header.startsWith("n") ? "n" : "y";
  const binding = type === undefined ? ({ flag } as const) : ({ flag: "p", type } as const);
  return { header, binding, authzid, login, nonce, bare };
}

export function parseClientFinal(message: Uint8Array): ClientFinal | string {
  const text = message.length > LIMIT_BYTES ? null : decodeUtf8(message);
  const match = text === null ? null : FINAL.exec(text);
  if (!match) return "Invalid SCRAM message";
  const [, withoutProof = "", binding = "", nonce = "", proof = ""] = match;
  return { binding: Buffer.from(binding, "base64"), nonce, proof: Buffer.from(proof, "base64"), withoutProof };
}
