/** What a token must say, and who it says it is for. The same for JWTs and for answers of introspection. */

export type Claims = Readonly<Record<string, unknown>>;

export interface ClaimRules {
  readonly loginClaim: string;
  /** All of them. */
  readonly scopes: readonly string[];
  /** One of them; empty: any. */
  readonly audience: readonly string[];
  readonly issuer: string | null;
}

/** `why` is for the log. */
export type TokenAnswer =
  | { readonly at: "valid"; readonly login: string }
  | { readonly at: "invalid"; readonly why: string }
  | { readonly at: "unavailable"; readonly why: string };

export const invalid = (why: string): TokenAnswer => ({ at: "invalid", why });

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/u;

/** Times and signatures have been looked at already. */
export function judgeClaims(claims: Claims, rules: ClaimRules): TokenAnswer {
  if (rules.issuer !== null && claims.iss !== rules.issuer) return invalid("another issuer");
  const audience = wordsOf(claims.aud);
  if (rules.audience.length > 0 && !rules.audience.some((one) => audience.includes(one))) {
    return invalid("for another audience");
  }
  const granted = [...scopesOf(claims.scope), ...scopesOf(claims.scp)];
  const missing = rules.scopes.find((scope) => !granted.includes(scope));
  if (missing !== undefined) return invalid(`without the scope ${missing}`);
  const login = claims[rules.loginClaim];
  if (typeof login !== "string" || login === "" || login.length > 320 || CONTROL.test(login)) {
    return invalid(`without ${rules.loginClaim}`);
  }
  // OpenID Connect Core 5.1: anybody may write any address into a profile. Lenient: some issuers write booleans as text.
  if (rules.loginClaim === "email" && String(claims.email_verified ?? true).toLowerCase() !== "true")
    return invalid("an address that is not verified");
  return { at: "valid", login };
}

const wordsOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === "string");

/** RFC 8693 4.2: words in one text; some issuers write a list. */
const scopesOf = (value: unknown): readonly string[] => wordsOf(value).flatMap((text) => text.split(" "));
