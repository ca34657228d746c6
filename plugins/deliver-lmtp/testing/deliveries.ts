/** One delivery over LMTP, and what became of each recipient: what the tests of handing over share. */
import type { Delivery, NextHops, Outcome } from "postern/plugin";
import { envelopeOf, messageOf, testOutbound } from "postern/testing";
import { onTestFinished } from "vitest";
import { type HandOverOptions, handOver } from "../hand-over.ts";

const loopback: Pick<NextHops, "hosts"> = {
  hosts: async ({ host }) =>
    host === "nobody.example"
      ? { at: "failed", reply: { code: 550, status: "5.1.2", text: "no such host", host: null } }
      : { at: "found", hosts: [{ name: host, address: "127.0.0.1" }] },
};

/** `address outcome code status of-whom`, in the order in which they were settled. */
export async function deliver(nextHop: string, to: readonly string[], options: Partial<HandOverOptions> = {}) {
  const outbound = testOutbound();
  onTestFinished(() => outbound.close());
  const envelope = envelopeOf({ to });
  const outcomes = new Map<string, Outcome>();
  const delivery: Delivery = {
    envelope,
    message: messageOf("Subject: x\n\nhello\n"),
    route: { verdict: "routed", transport: "lmtp", nextHop, concurrencyKey: "lmtp" },
    recipients: envelope.recipients,
    attempt: 1,
    settle: async ({ address }, outcome) => void outcomes.set(String(address), outcome),
  };
  await handOver(
    delivery,
    {
      outbound,
      nextHops: loopback,
      usual: null,
      tls: "none",
      ca: null,
      login: null,
      isForwarding: false,
      conversation: {},
      ...options,
    },
    new AbortController().signal,
  );
  return [...outcomes].map(
    ([address, { at, reply, speaksOf }]) => `${address} ${at} ${reply.code} ${reply.status} ${speaksOf ?? "-"}`,
  );
}
