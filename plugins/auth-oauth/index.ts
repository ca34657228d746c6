/**
 * Logins with bearer tokens (OAUTHBEARER, XOAUTH2): checked by the issuer (introspection, RFC 7662), or here with its public keys
 * (JWT). A token that is not good goes on to the plugins behind; while the issuer cannot be asked, logins are deferred.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import {
  type Attempt,
  authenticated,
  Duration,
  defer,
  definePlugin,
  type Finding,
  LoginMethods,
  optional,
  proceed,
  type Static,
  Type,
} from "postern/plugin";
import type { ClaimRules, TokenAnswer } from "./claims.ts";
import { introspect } from "./introspection.ts";
import { endpoint, JsonClient } from "./json-request.ts";
import { checkJwt } from "./jwt.ts";
import { KeySet } from "./key-set.ts";

const Url = (description: string) => Type.String({ description, minLength: 1, expected: "an https URL" });

const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;

const options = Type.Object({
  jwks: Type.Optional(
    Type.Object(
      {
        url: Url("Where the issuer publishes its keys (`jwks_uri`)."),
        algorithms: Type.Array(Type.Union(algorithms.map((name) => Type.Literal(name))), {
          minItems: 1,
          default: ["RS256", "PS256", "ES256", "EdDSA"],
          description: "Signatures that are accepted; never `none`, never shared secrets.",
        }),
        refetch: Duration({
          default: "30s",
          minimum: "1s",
          description: "Keys are asked for again at most this often, whatever tokens come.",
        }),
      },
      { description: "Tokens are JWTs: check them here, with the issuer's public keys." },
    ),
  ),
  introspection: Type.Optional(
    Type.Object(
      {
        url: Url("The issuer's introspection endpoint."),
        clientId: Type.String({ minLength: 1, description: "This server's name there." }),
        clientSecretFile: Type.String({
          minLength: 1,
          description: "File with its secret, relative to the config file.",
        }),
      },
      { description: "Ask the issuer about each token (RFC 7662)." },
    ),
  ),
  issuer: Type.Optional(Type.String({ minLength: 1, description: "`iss` of the tokens; needed with `jwks`." })),
  audience: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description: "`aud` of the tokens, one of these; needed with `jwks`.",
  }),
  scopes: Type.Array(Type.String({ minLength: 1, pattern: "^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$", expected: "a scope" }), {
    default: [],
    description: "Scopes that a token must have, all of them.",
  }),
  loginClaim: Type.String({ default: "email", minLength: 1, description: "The claim that names the login." }),
  clockSkew: Duration({ default: "30s", maximum: "10m", description: "How far the issuer's clock may be off." }),
  timeout: Duration({ default: "5s", minimum: "100ms", maximum: "25s", description: "For one request to the issuer." }),
  ca: Type.Optional(Type.String({ minLength: 1, description: "File with the authorities that vouch for the issuer." })),
  openidConfiguration: Type.Optional(Url("Told to clients whose token was refused (RFC 7628).")),
});

export default definePlugin({
  name: "auth-oauth",
  api: 1,
  needs: { methods: optional(LoginMethods) },
  config: options,
  async setup({ config, needs, log, clock, configDir }) {
    const { jwks, introspection, issuer = null, audience, scopes, loginClaim, clockSkew: clockSkewMs } = config;
    const mistakes = mistakesIn(config);
    if (mistakes.length > 0) throw new Error(mistakes.join("; "));
    const read = (path: string) => readFile(resolve(configDir, path), "utf8");
    const client = new JsonClient({
      timeoutMs: config.timeout,
      ca: config.ca === undefined ? null : await read(config.ca),
    });
    const rules: ClaimRules = { issuer, audience, scopes, loginClaim };

    const checks: ((token: string, signal: AbortSignal) => Promise<TokenAnswer>)[] = [];
    if (jwks) {
      const keys = new KeySet({ url: new URL(jwks.url), refetchMs: jwks.refetch, client, clock, log });
      const jwtRules = { ...rules, algorithms: jwks.algorithms, clockSkewMs };
      checks.push((token) => checkJwt(token, keys, jwtRules, clock));
    }
    if (introspection) {
      const clientSecret = (await read(introspection.clientSecretFile)).trim();
      const asking = { ...introspection, url: new URL(introspection.url), clientSecret, client, clock, clockSkewMs };
      checks.push((token, signal) => introspect(token, asking, rules, signal));
    }
    const [check] = checks;
    if (!check) throw new Error("nobody checks the tokens");
    needs.methods?.register({
      methods: () => ["token"],
      hints: {
        ...(scopes.length > 0 && { scope: scopes.join(" ") }),
        ...(config.openidConfiguration !== undefined && { openidConfiguration: config.openidConfiguration }),
      },
    });
    const unavailable = defer("Tokens cannot be checked at present");

    return {
      hooks: {
        async auth(attempt: Attempt, session, call) {
          if (attempt.kind !== "token") return proceed;
          const answer = await check(attempt.token, call.signal);
          if (answer.at === "valid") return authenticated({ login: answer.login });
          log.info({ session: session.id, why: answer.why }, `token ${answer.at}`);
          return answer.at === "unavailable" ? unavailable : proceed;
        },
      },
      check: async () => findings(config),
    };
  },
});

type Options = Static<typeof options>;

function mistakesIn({ jwks, introspection, issuer, audience }: Options): readonly string[] {
  const mistakes: string[] = [];
  if ((jwks === undefined) === (introspection === undefined)) mistakes.push("needs one of jwks and introspection");
  if (jwks && issuer === undefined) mistakes.push("jwks needs issuer");
  if (jwks && audience.length === 0) mistakes.push("jwks needs audience: any token of the issuer would do otherwise");
  for (const text of [jwks?.url, introspection?.url]) {
    const url = text === undefined ? null : endpoint(text);
    if (typeof url === "string") mistakes.push(url);
  }
  return mistakes;
}

function findings({ audience, scopes }: Options): Finding[] {
  if (audience.length > 0 || scopes.length > 0) return [];
  const text =
    "any active token of the issuer lets its owner in, whatever it was made for: name an audience, or scopes";
  return [{ severity: "warning", text }];
}
