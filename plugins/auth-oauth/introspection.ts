/** Tokens of any kind: the issuer says whether they are good (RFC 7662). Never rejects. */
import type { Clock } from "postern/plugin";
import { type ClaimRules, type Claims, invalid, judgeClaims, type TokenAnswer } from "./claims.ts";
import type { JsonClient } from "./json-request.ts";

export interface Introspection {
  readonly url: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly client: JsonClient;
  readonly clock: Clock;
  readonly clockSkewMs: number;
}

export async function introspect(
  token: string,
  { url, clientId, clientSecret, client, clock, clockSkewMs }: Introspection,
  rules: ClaimRules,
  signal: AbortSignal | null,
): Promise<TokenAnswer> {
  // RFC 6749 2.3.1: form-encoded first
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(":");
  const authorization = `Basic ${Buffer.from(credentials).toString("base64")}`;
  let answer: unknown;
  try {
    answer = await client.ask({ url, form: { token, token_type_hint: "access_token" }, authorization }, signal);
  } catch (error) {
    return { at: "unavailable", why: String(error) };
  }
  if (typeof answer !== "object" || answer === null) return { at: "unavailable", why: "the issuer answered no object" };
  const claims = answer as Claims;
  // RFC 7662 2.2: anything but true is a token that is not to be used
  if (claims.active !== true) return invalid("not active");
  const now = clock.now();
  if (typeof claims.exp === "number" && claims.exp * 1000 <= now - clockSkewMs) return invalid("expired");
  if (typeof claims.nbf === "number" && claims.nbf * 1000 > now + clockSkewMs) return invalid("not yet valid");
  // Optional there, and the issuer is the one that was asked.
  return judgeClaims(claims, claims.iss === undefined ? { ...rules, issuer: null } : rules);
}
