/**
 * route-transport: tables from recipients to transports and next hops (Postfix's transport(5)), and a relay host for everything else that
 * does not live here. A table that cannot answer, and an entry that is no route, let the mail wait, with the reason in the log.
 */
import { parseNextHop } from "postern/mail";
import {
  Accounts,
  type Address,
  defer,
  definePlugin,
  type Proceed,
  proceed,
  type Recipient,
  type Routed,
  reject,
  routed,
  type StatusDetail,
  type Stop,
  Tables,
  Type,
  whenKnown,
} from "postern/plugin";
import { type Entry, parseEntry } from "./entry.ts";
import { findings } from "./findings.ts";

const DISCARD = "discard";
type Answer = Proceed | Routed | Stop;

export default definePlugin({
  name: "route-transport",
  api: 1,
  needs: { tables: Tables, accounts: Accounts },
  // What aliases lead to is what has a route.
  after: ["alias-*"],
  before: ["deliver-*"],
  config: Type.Object({
    maps: Type.Array(Type.String(), {
      default: [],
      description: "Tables from `user@domain`, `domain`, `.domain` or `*` to `transport:nexthop`.",
    }),
    relayHost: Type.Optional(
      Type.String({
        description:
          "Where mail for other domains goes that no table has: `[mail.example.net]:587`; without brackets its MX records are asked.",
      }),
    ),
    transports: Type.Array(Type.String(), {
      default: ["smtp", "lmtp", "local"],
      description: "Transports that the plugins below deliver, those of deliver-pipe by their names.",
    }),
    refusesErrors: Type.Boolean({
      default: true,
      description: "Whether `error:` is said at RCPT already; else the mail is taken and returned.",
    }),
  }),
  async setup({ config, needs, log }) {
    const { relayHost } = config;
    if (relayHost !== undefined && !parseNextHop(relayHost))
      throw new Error(`relayHost is no host: ${JSON.stringify(relayHost)}; expected like [mail.example.net]:587`);
    const tables = await needs.tables.openAll(config.maps);
    const known = new Set(config.transports);
    const parsed = new Map<string, Entry>();
    /** The same few values again and again, but patterns can make any number of them. */
    const entryOf = (value: string): Entry => {
      const entry = parsed.get(value) ?? parseEntry(value, known);
      if (parsed.size < 10_000) parsed.set(value, entry);
      return entry;
    };
    const usualWay = async ({ domain }: Address): Promise<Answer> => {
      if (relayHost === undefined) return proceed;
      const answer = await needs.accounts.domain(domain);
      if (answer === "unavailable") throw new Error("whether the recipient is local cannot be told now");
      return answer === "served" ? proceed : routed("smtp", relayHost, `smtp:${relayHost}`);
    };
    const route = (address: Address, key: string, entry: Entry): Answer | Promise<Answer> => {
      switch (entry.at) {
        case "usual":
          return usualWay(address);
        case "local":
          return routed("local", null);
        case "discard":
          return routed(DISCARD, entry.text === "" ? null : entry.text, DISCARD);
        case "error":
          return refusal(entry);
        case "retry":
          return defer(entry.text === "" ? "Mail for this address waits" : entry.text, {
            detail: detailOf(entry.status) ?? "3.0",
          });
        case "route": {
          const nextHop = entry.nextHop ?? address.domain;
          return routed(entry.transport, nextHop, `${entry.transport}:${nextHop}`);
        }
        case "fault":
          log.error(
            { key, address: String(address) },
            `the entry of ${JSON.stringify(key)} is no route: ${entry.reason}`,
          );
          return defer("There is no way to this address at present", { detail: "3.5" });
      }
    };
    const lookUp = ({ address }: Recipient) => needs.tables.findAddress(tables, address, "transport");
    return {
      hooks: {
        ...(config.refusesErrors && {
          expand: (recipient: Recipient) =>
            whenKnown(lookUp(recipient), (hit) => {
              const entry = hit && entryOf(hit.value);
              return entry?.at === "error" ? refusal(entry) : proceed;
            }),
        }),
        route: (recipient) =>
          whenKnown(lookUp(recipient), (hit): Answer | Promise<Answer> =>
            hit ? route(recipient.address, hit.key, entryOf(hit.value)) : usualWay(recipient.address),
          ),
        async deliver(delivery) {
          if (delivery.route.transport !== DISCARD) return proceed;
          const text = delivery.route.nextHop ?? "discarded";
          for (const recipient of delivery.recipients) {
            log.info(
              { id: delivery.envelope.id, recipient: String(recipient.address), text },
              "discarded by a transport table",
            );
            await delivery.settle(recipient, {
              at: "delivered",
              reply: { code: 250, status: "2.0.0", text, host: null },
            });
          }
          return proceed;
        },
      },
      check: () => findings(tables, config.maps, known),
    };
  },
});

const refusal = ({ status, text }: Extract<Entry, { at: "error" | "retry" }>) =>
  // RFC 3463 3.2: X.1.2 Bad destination system address
  reject(text === "" ? "Mail for this address is not taken" : text, { detail: detailOf(status) ?? "1.2" });

const detailOf = (status: string | null): StatusDetail | null => {
  const detail = status?.slice(2) ?? "";
  return isDetail(detail) ? detail : null;
};

/** RFC 3463 and its registry: how far the details of each subject go. */
const LAST_DETAILS = [0, 10, 4, 6, 7, 6, 10, 30];

function isDetail(detail: string): detail is StatusDetail {
  const [, subject = "", number = ""] = /^(\d)\.(0|[1-9]\d?)$/.exec(detail) ?? [];
  return subject !== "" && Number(number) <= (LAST_DETAILS[Number(subject)] ?? -1);
}
