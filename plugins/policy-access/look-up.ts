/**
 * Looks a check's subject up: what stands in the tables for it, and what it is called in a refusal. `unavailable` means that DNS
 * could not tell now. A table that cannot answer throws or rejects.
 */
import {
  type Address,
  type Call,
  type ClientNames,
  type Envelope,
  type Recipient,
  type Resolver,
  type Session,
  type Table,
  type TableHit,
  type Tables,
  whenKnown,
} from "postern/plugin";
import { type CheckKind, serversOf } from "./checks.ts";
import { serversNamed } from "./servers.ts";

export interface Question {
  readonly session: Session | null;
  readonly envelope: Envelope | null;
  readonly recipient: Recipient | null;
  /** Its signal is made when it is looked at; tables do not look. */
  readonly call: Call;
}

export interface Services {
  readonly tables: Tables;
  readonly resolver: Resolver;
  readonly clientNames: ClientNames;
}

export interface LookUpOptions {
  /** What the null reverse-path is asked for as (smtpd_null_access_lookup_key). */
  readonly nullSenderKey: string;
}

export type Answer =
  | { readonly at: "found"; readonly subject: string; readonly hit: TableHit }
  | { readonly at: "nothing" }
  | { readonly at: "unavailable"; readonly subject: string };

const nothing: Answer = { at: "nothing" };

export function lookUp(
  kind: CheckKind,
  opened: readonly Table[],
  question: Question,
  services: Services,
  options: LookUpOptions,
): Answer | Promise<Answer> {
  const servers = serversOf(kind);
  if (servers !== null) return lookUpServers(kind, servers, opened, question, services);
  const { session, envelope, recipient } = question;
  const { tables } = services;
  switch (kind) {
    case "client": {
      if (!session) return nothing;
      const { hostname, address } = session.remote;
      const subject = `${hostname ?? "unknown"}[${address}]`;
      return whenKnown(tables.findDomain(opened, hostname ?? "unknown"), (hit) =>
        hit ? answer(subject, hit) : whenKnown(tables.findNetwork(opened, address), (found) => answer(subject, found)),
      );
    }
    case "reverseClient":
      return whenKnown(reverseName(session, services), (name) =>
        name === null || name === "failed"
          ? nameless(name, session)
          : whenKnown(tables.findDomain(opened, name), (hit) => answer(`${name}[${session?.remote.address}]`, hit)),
      );
    case "helo": {
      const name = session?.heloName ?? null;
      return name === null ? nothing : whenKnown(tables.findDomain(opened, name), (hit) => answer(name, hit));
    }
    case "sender":
      return envelope ? lookUpSender(envelope.reversePath, opened, tables, options) : nothing;
    case "recipient":
      if (!recipient) return nothing;
      return whenKnown(tables.findAddress(opened, recipient.address, "access"), (hit) =>
        answer(String(recipient.address), hit),
      );
    case "login":
      return wholeKeys(opened, session?.identity ? [session.identity.login] : [], session?.identity?.login ?? "");
    case "certificate":
      return wholeKeys(opened, fingerprints(session), session?.tls?.clientName ?? session?.remote.address ?? "");
    default:
      return nothing;
  }
}

function lookUpSender(
  reversePath: Address | null,
  opened: readonly Table[],
  tables: Tables,
  { nullSenderKey }: LookUpOptions,
): Answer | Promise<Answer> {
  if (reversePath === null) return wholeKeys(opened, [nullSenderKey], "");
  return whenKnown(tables.findAddress(opened, reversePath, "access"), (hit) => answer(String(reversePath), hit));
}

/** check_ccert_access: as Postfix writes a fingerprint, then as openssl tools often do. */
function fingerprints(session: Session | null): readonly string[] {
  const fingerprint = session?.tls?.clientFingerprint ?? null;
  return fingerprint === null ? [] : [fingerprint.replace(/(..)(?=.)/g, "$1:"), fingerprint];
}

function wholeKeys(opened: readonly Table[], keys: readonly string[], subject: string): Answer | Promise<Answer> {
  const questions = keys.flatMap((key) => opened.map((table) => ({ table, key })));
  const ask = (from: number): Answer | Promise<Answer> => {
    const question = questions[from];
    if (!question) return nothing;
    return whenKnown(question.table.get(question.key), (value) =>
      value === null ? ask(from + 1) : { at: "found", subject, hit: { key: question.key, value, extension: "" } },
    );
  };
  return ask(0);
}

function reverseName(
  session: Session | null,
  { clientNames }: Services,
): string | null | "failed" | Promise<string | null | "failed"> {
  if (!session || session.remote.address === "unix") return null;
  if (session.remote.hostname !== null) return session.remote.hostname;
  return whenKnown(clientNames.find(session.remote.address), (found) => {
    if (found.at === "unknown") return null;
    return found.at === "failed" ? (found.name ?? "failed") : found.name;
  });
}

const nameless = (name: null | "failed", session: Session | null): Answer =>
  name === null ? nothing : { at: "unavailable", subject: session?.remote.address ?? "" };

async function lookUpServers(
  kind: CheckKind,
  servers: "mx" | "ns" | "a",
  opened: readonly Table[],
  question: Question,
  services: Services,
): Promise<Answer> {
  const subject = await domainOf(kind, question, services);
  if (subject === null) return nothing;
  if (subject === "failed") return nameless("failed", question.session);
  for await (const server of serversNamed(subject.domain, servers, services.resolver, question.call.signal)) {
    if (server.at === "failed") return { at: "unavailable", subject: subject.text };
    const hit =
      server.at === "host"
        ? await services.tables.findDomain(opened, server.name)
        : await services.tables.findNetwork(opened, server.address);
    if (hit) return answer(subject.text, hit);
  }
  return nothing;
}

async function domainOf(
  kind: CheckKind,
  { session, envelope, recipient }: Question,
  services: Services,
): Promise<{ readonly domain: string; readonly text: string } | "failed" | null> {
  if (kind.startsWith("reverseClient")) {
    const name = await reverseName(session, services);
    return name === null || name === "failed" ? name : { domain: name, text: `${name}[${session?.remote.address}]` };
  }
  const address = kind.startsWith("sender") ? envelope?.reversePath : recipient?.address;
  const named = kind.startsWith("client")
    ? session?.remote.hostname
    : kind.startsWith("helo")
      ? session?.heloName
      : address?.domain;
  if (!named) return null;
  return { domain: named, text: kind.startsWith("client") || kind.startsWith("helo") ? named : String(address) };
}

const answer = (subject: string, hit: TableHit | null): Answer => (hit ? { at: "found", subject, hit } : nothing);
