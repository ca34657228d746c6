/**
 * Finds out whether the next hop of an address would take mail for it: the queue's own route, its hosts in their order until one
 * has spoken. Bounded in time, in hosts, and in questions at once to one destination. Never rejects.
 */
import { parseNextHop } from "postern/mail";
import type { Address, NextHops, Outbound } from "postern/plugin";
import type { Slots } from "./slots.ts";
import { askHost } from "./smtp-question.ts";

export type Finding =
  | { readonly at: "good" }
  /** What the other side said. */
  | { readonly at: "bad"; readonly reply: string }
  | { readonly at: "unknown"; readonly reason: string };

export interface CallOutOptions {
  readonly nextHops: NextHops;
  readonly slots: Slots;
  readonly outbound: Outbound;
  readonly probeSender: Address | null;
  readonly port: number;
  /** Those whose next hop speaks SMTP. */
  readonly transports: ReadonlySet<string>;
  /** For each reply of a host. */
  readonly stepTimeoutMs: number;
}

const HOSTS_LIMIT = 3;
const unknown = (reason: string): Finding => ({ at: "unknown", reason });

export async function callOut(address: Address, options: CallOutOptions, signal: AbortSignal): Promise<Finding> {
  const route = await options.nextHops.route(address);
  if (route === null) return unknown("no route leads there");
  if (route.verdict !== "routed") return unknown(`no route at present: ${route.refusal.text}`);
  // What is handed over within this machine is not asked: that would be somebody else's protocol.
  if (!options.transports.has(route.transport)) return { at: "good" };
  const leave = await options.slots.enter(route.concurrencyKey, signal);
  if (leave === null) return unknown("too many questions to that destination");
  try {
    return await askHosts(address, route.nextHop ?? address.domain, options, signal);
  } finally {
    leave();
  }
}

async function askHosts(
  address: Address,
  rawNextHop: string,
  { nextHops, outbound, probeSender, port: usualPort, stepTimeoutMs: timeoutMs }: CallOutOptions,
  signal: AbortSignal,
): Promise<Finding> {
  const nextHop = parseNextHop(rawNextHop);
  if (nextHop === null) return unknown(`no next hop: ${rawNextHop}`);
  const port = nextHop.port ?? usualPort;
  const found = await nextHops.hosts({ ...nextHop, port }, signal);
  if (found.at !== "found") {
    const { code, status, text } = found.reply;
    const said = `${status ?? code} ${text}`;
    return found.at === "failed" ? { at: "bad", reply: said } : unknown(said);
  }
  let reason = "no host was asked";
  for (const host of found.hosts.slice(0, HOSTS_LIMIT)) {
    if (signal.aborted) return unknown("no answer in time");
    const answer = await askHost({ outbound, host, port, probeSender, address, timeoutMs, signal });
    if (answer.at === "taken") return { at: "good" };
    if (answer.at === "refused") {
      const { code, status, text } = answer.reply;
      return { at: "bad", reply: `host ${host.name} said: ${code} ${status === null ? "" : `${status} `}${text}` };
    }
    reason = answer.reason;
    if (answer.isSpoken) break;
  }
  return unknown(reason);
}
