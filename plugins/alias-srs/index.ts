/**
 * alias-srs: the sender of forwarded mail becomes an address of this server (SRS), so that SPF holds at the next one, and what comes back to
 * such an address goes to whom it was made from. An address that is tampered with or too old is refused. Senders that live here, and mail
 * that is not forwarded, are not touched.
 */
import { resolve } from "node:path";
import { isSameAddress, parseAddress, parseDomain } from "postern/mail";
import {
  Accounts,
  type Address,
  accept,
  Duration,
  definePlugin,
  expanded,
  type Finding,
  type Notify,
  proceed,
  type Recipient,
  reject,
  ServerFacts,
  Type,
} from "postern/plugin";
import { isOpenToOthers, readSecrets } from "./secrets.ts";
import { isSrs, reversed, rewritten, type SrsKeys } from "./srs.ts";

export default definePlugin({
  name: "alias-srs",
  api: 1,
  needs: { accounts: Accounts, facts: ServerFacts },
  // It has to see what aliases lead to.
  after: ["alias-*"],
  before: ["deliver-*"],
  config: Type.Object({
    domain: Type.Optional(
      Type.String({ description: "Domain of rewritten senders, whose mail comes here; `origin` if left out." }),
    ),
    secretFile: Type.String({
      description: "A secret a line: the first one signs, all of them are believed.",
    }),
    algorithm: Type.Union([Type.Literal("sha1"), Type.Literal("sha256")], {
      default: "sha1",
      description: "Of the HMAC; `sha1` is what other implementations have.",
    }),
    hashLength: Type.Integer({
      default: 4,
      minimum: 4,
      maximum: 27,
      description: "Characters of the hash that stand in an address.",
    }),
    maxAge: Duration({ default: "21d", minimum: "1d", maximum: "1000d", description: "An older address is refused." }),
    localDomains: Type.Array(Type.String(), {
      default: [],
      description: "Further domains whose senders keep their addresses: those whose SPF names this server.",
    }),
    texts: Type.Object({
      malformed: Type.String({ default: "This is no address that was made here", description: "550 5.1.1" }),
      tampered: Type.String({ default: "This address has been tampered with", description: "550 5.7.1" }),
      expired: Type.String({ default: "This address has expired", description: "550 5.1.1" }),
    }),
  }),
  async setup({ config, needs, configDir, clock, log }) {
    const path = resolve(configDir, config.secretFile);
    const keys: SrsKeys = {
      secrets: await readSecrets(path),
      algorithm: config.algorithm,
      hashLength: config.hashLength,
    };
    const domain = parseDomain(config.domain ?? needs.facts.origin);
    if (domain === null) throw new Error(`domain: ${JSON.stringify(config.domain)} is no domain`);
    const isOwnDomain = config.domain !== undefined && domain !== needs.facts.origin;
    const kept = new Set([domain, ...config.localDomains.map((one) => parseDomain(one) ?? one)]);
    const isOurs = (address: Address): boolean => address.domain === domain && isSrs(address.localPart);
    const answers = {
      malformed: reject(config.texts.malformed, { detail: "1.1" }),
      tampered: reject(config.texts.tampered, { detail: "7.1" }),
      expired: reject(config.texts.expired, { detail: "1.1" }),
    };
    const lives = async (where: string): Promise<boolean> => {
      if (kept.has(where)) return true;
      const answer = await needs.accounts.domain(where);
      if (answer === "unavailable") throw new Error(`whether ${where} is served here cannot be told now`);
      return answer === "served";
    };
    const originalOf = (address: Address) => {
      const found = reversed(address.localPart, clock.now(), config.maxAge, keys);
      if (found.at !== "reversed") return answers[found.at];
      const quoted = `"${found.localPart.replace(/["\\]/g, "\\$&")}"`;
      const original = parseAddress(`${quoted}@${found.domain}`);
      return original ? expanded([{ address: original }]) : answers.malformed;
    };
    const senderFor = (sender: Address): Address | null => {
      const localPart = rewritten(sender, clock.now(), keys);
      const address = parseAddress(`"${localPart.replace(/["\\]/g, "\\$&")}"@${domain}`);
      // RFC 5321 4.5.3.1.1: 64 octets. Nobody could answer to a longer one here.
      if (!address) log.warn({ sender: String(sender) }, "the sender is too long to be rewritten: it stays as it is");
      return address;
    };
    const forwarded = async (recipient: Recipient, sender: Address) => {
      const { address } = recipient;
      if ((await lives(address.domain)) || (await lives(sender.domain))) return proceed;
      const reversePath = senderFor(sender);
      if (!reversePath || isSameAddress(sender, reversePath)) return proceed;
      // Whether this mail may be relayed is not asked here, and not answered.
      return expanded([{ address, notify: wishesOf(recipient) }], { reversePath, grantsRelay: false });
    };
    return {
      hooks: {
        findDomain: (query) =>
          isOwnDomain && query.domain === domain ? accept("domain of rewritten senders") : proceed,
        destination(_, { address }) {
          if (!isOurs(address)) return proceed;
          const answer = originalOf(address);
          return answer.verdict === "reject" ? answer : accept("rewritten sender");
        },
        expand(recipient, { reversePath, origin }) {
          const { address, parents } = recipient;
          if (isOurs(address)) return originalOf(address);
          const sender = recipient.reversePath === undefined ? reversePath : recipient.reversePath;
          const isForwarded = parents.length > 0 || origin === "forward";
          if (sender === null || !isForwarded || address.domain.endsWith(".invalid")) return proceed;
          return forwarded(recipient, sender);
        },
      },
      check: () => findings(path),
    };
  },
});

/** The sender still hears of failures, by way of here; of success core tells. */
function wishesOf({ notify }: Recipient): ReadonlySet<Notify> {
  if (!notify.has("success")) return notify;
  const rest = [...notify].filter((wish) => wish !== "success");
  return new Set<Notify>(rest.length === 0 ? ["never"] : rest);
}

async function findings(path: string): Promise<readonly Finding[]> {
  if (!(await isOpenToOthers(path))) return [];
  return [{ severity: "error", text: `secretFile: everybody on this machine can read ${path}` }];
}
