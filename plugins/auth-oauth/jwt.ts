/** Tokens that are JWTs (RFC 7519, RFC 9068): checked here, with the issuer's public keys. Never rejects. */
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import type { Clock } from "postern/plugin";
import { type ClaimRules, invalid, judgeClaims, type TokenAnswer } from "./claims.ts";
import { type KeySet, KeysUnavailable } from "./key-set.ts";

export interface JwtRules extends ClaimRules {
  /** Signatures with public keys only: `none` and HMAC are not among what the schema lets through. */
  readonly algorithms: readonly string[];
  readonly clockSkewMs: number;
}

export async function checkJwt(token: string, keys: KeySet, rules: JwtRules, clock: Clock): Promise<TokenAnswer> {
  const options: JWTVerifyOptions = {
    algorithms: [...rules.algorithms],
    clockTolerance: rules.clockSkewMs / 1000,
    currentDate: new Date(clock.now()),
    requiredClaims: ["exp"],
  };
  let claims: JWTPayload;
  try {
    claims = await verified(token, keys, options);
  } catch (error) {
    if (error instanceof KeysUnavailable) return { at: "unavailable", why: error.message };
    if (error instanceof errors.JOSEError) return invalid(error.code);
    return { at: "unavailable", why: String(error) };
  }
  return judgeClaims(claims, rules);
}

async function verified(token: string, keys: KeySet, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys.find, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    // Keys without a `kid`: any of those that fit may have signed.
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (inner) {
        if (!(inner instanceof errors.JWSSignatureVerificationFailed)) throw inner;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}
