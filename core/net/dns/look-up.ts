/**
 * Records of a name, through its aliases (RFC 1034 3.6.2): those in the same reply first, then by a question for where they lead; a chain
 * that is too long, or goes round, is a failure. What was found is authentic if each step was. Never rejects.
 */
import type { DnsAnswer } from "../../contracts/resolver.ts";
import { ExchangeError } from "./exchange.ts";
import { type DnsRecord, type RecordType, type Reply, readData, recordTypes, replyCode, wireName } from "./message.ts";
import type { Servers, ServersReply } from "./servers.ts";

export interface LookedUp<T> {
  readonly answer: DnsAnswer<T>;
  /** How long it may be kept; `null` where nothing says so. */
  readonly ttlMs: number | null;
  readonly sizeBytes: number;
}

interface Wanted<T> {
  readonly name: string;
  readonly type: RecordType;
  readonly read: (reply: Reply, record: DnsRecord) => T | null;
}

const ALIAS_LIMIT = 12;

export async function lookUp<T>(servers: Pick<Servers, "ask">, { name, type, read }: Wanted<T>): Promise<LookedUp<T>> {
  const asked = wireName(name);
  const nothing: LookedUp<T> = { answer: { at: "notFound" }, ttlMs: null, sizeBytes: name.length };
  if (asked === null) return nothing;
  let [current, aliases, isAuthentic, ttlMs] = [asked, 0, true, Number.POSITIVE_INFINITY];
  try {
    for (;;) {
      const reply = await servers.ask({ name: current, type });
      const path = follow(reply, current, type);
      aliases += path.steps;
      if (path.isCircular || aliases > ALIAS_LIMIT) return failed("EBADRESP");
      isAuthentic &&= reply.isAuthentic;
      ttlMs = Math.min(ttlMs, path.ttlMs);
      const facts = isAuthentic ? { isAuthentic } : {};
      const records = recordsAt(reply, path.name, type);
      if (records.length > 0) {
        const read1 = records.flatMap((record) => read(reply, record) ?? []);
        if (read1.length < records.length) return failed("EBADRESP");
        const alias = path.name === asked ? {} : { canonicalName: path.name };
        return {
          answer: { at: "found", records: read1, ...facts, ...alias },
          ttlMs: Math.min(ttlMs, ...records.map((record) => record.ttlMs)),
          sizeBytes: reply.bytes.length,
        };
      }
      const isEnd = path.steps === 0 || reply.code === replyCode.noName || reply.negativeTtlMs !== null;
      if (isEnd) return { ...nothing, answer: { at: "notFound", ...facts }, ttlMs: reply.negativeTtlMs };
      current = path.name;
    }
  } catch (cause) {
    // A fault of our own is no answer either; whoever waits for it would wait for ever.
    return failed(cause instanceof ExchangeError ? cause.code : "EBADRESP");
  }
}

const failed = <T>(reason: string): LookedUp<T> => ({ answer: { at: "failed", reason }, ttlMs: null, sizeBytes: 0 });

const recordsAt = ({ answers }: Reply, name: string, type: RecordType): readonly DnsRecord[] =>
  answers.filter((record) => record.name === name && record.type === recordTypes[type]);

/** As far as the reply knows the way. */
function follow(reply: ServersReply, from: string, type: RecordType) {
  let [name, steps, ttlMs] = [from, 0, Number.POSITIVE_INFINITY];
  const seen = new Set([from]);
  for (;;) {
    const [alias] = type === "CNAME" ? [] : recordsAt(reply, name, "CNAME");
    const target = alias && readData.name(reply, alias)?.toLowerCase();
    if (alias === undefined || target === undefined) return { name, steps, ttlMs, isCircular: false };
    if (seen.has(target)) return { name, steps, ttlMs, isCircular: true };
    seen.add(target);
    [name, steps, ttlMs] = [target, steps + 1, Math.min(ttlMs, alias.ttlMs)];
  }
}
