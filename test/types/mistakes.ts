/** Each of these is an author's likely slip; every one must be refused by the compiler. */

import {
  accept,
  amend,
  defineLabel,
  definePlugin,
  defineService,
  filed,
  optional,
  proceed,
  reject,
  routed,
} from "postern/plugin";
import { Type } from "typebox";

const Thing = defineService<{ a(): void }>("thing@1");
// @ts-expect-error forgot to return the verdict
definePlugin({ name: "a", api: 1, setup: () => ({ hooks: { async mailFrom() { reject("no"); } } }) });
// @ts-expect-error accept is no answer to connect
definePlugin({ name: "b", api: 1, setup: () => ({ hooks: { connect: () => accept("friend") } }) });
// @ts-expect-error there is no such hook
definePlugin({ name: "c", api: 1, setup: () => ({ hooks: { rctpTo: () => proceed } }) });
// @ts-expect-error there is no such hook, beside one that there is
definePlugin({ name: "d", api: 1, setup: () => ({ hooks: { connect: () => proceed, rctpTo: () => proceed } }) });
// @ts-expect-error the same from an async setup
definePlugin({ name: "e", api: 1, setup: async () => ({ hooks: { connect: () => proceed, rctpTo: () => proceed } }) });
// @ts-expect-error it is called stop
definePlugin({ name: "f", api: 1, setup: () => ({ async shutdown() {} }) });
// @ts-expect-error a promised service is missing
definePlugin({ name: "g", api: 1, provides: { thing: Thing }, setup: () => ({}) });
// @ts-expect-error there is no such option
definePlugin({ name: "h", api: 1, config: Type.Object({ limit: Type.Integer() }), setup: ({ config }) => ({ hooks: { connect: () => (config.limt > 3 ? proceed : proceed) } }) });
// @ts-expect-error one path gives no verdict
definePlugin({ name: "i", api: 1, setup: () => ({ hooks: { helo(_, name) { if (name) return proceed; } } }) });
// @ts-expect-error the class of a status is not written by hand
reject("no", { detail: "5.7.1" });
// @ts-expect-error filing nowhere would lose the message
filed();
// @ts-expect-error a plugin without a name
definePlugin({ api: 1, setup: () => ({}) });
// @ts-expect-error a plugin of another API
definePlugin({ name: "k", api: 2, setup: () => ({}) });
// @ts-expect-error a policy that amends where nothing can be amended
definePlugin({ name: "l", api: 1, setup: () => ({ hooks: { connect: () => amend() } }) });
// @ts-expect-error a transform does not refuse
definePlugin({ name: "m", api: 1, setup: () => ({ hooks: { sign: () => reject("no") } }) });
// @ts-expect-error a claim of a route is no claim of an account
definePlugin({ name: "n", api: 1, setup: () => ({ hooks: { findAccount: () => routed("local", null) } }) });
// @ts-expect-error a domain is accepted, not found
definePlugin({ name: "o", api: 1, setup: () => ({ hooks: { findDomain: () => ({ verdict: "found" }) } }) });
// @ts-expect-error a delivery is settled, not answered
definePlugin({ name: "p", api: 1, setup: () => ({ hooks: { deliver: () => accept("mine") } }) });
// @ts-expect-error there is no such change
amend({ op: "prepent", header: "X", value: "1" });
// @ts-expect-error a change without its value
amend({ op: "append", header: "X" });
// @ts-expect-error what a plugin sees cannot be changed in place
definePlugin({ name: "q", api: 1, setup: () => ({ hooks: { rcptTo(envelope) { envelope.reversePath = null; return proceed; } } }) });
// @ts-expect-error nor the list of recipients
definePlugin({ name: "r", api: 1, setup: () => ({ hooks: { data(envelope) { envelope.recipients.push(); return proceed; } } }) });
// @ts-expect-error an optional service may be missing
definePlugin({ name: "s", api: 1, needs: { thing: optional(Thing) }, setup: ({ needs }) => { needs.thing.a(); return {}; } });
// @ts-expect-error there is no such need
definePlugin({ name: "t", api: 1, needs: { thing: Thing }, setup: ({ needs }) => { needs.thnig.a(); return {}; } });
// @ts-expect-error what is provided has the wrong shape
definePlugin({ name: "u", api: 1, provides: { thing: Thing }, setup: () => ({ provides: { thing: { b() {} } } }) });
// @ts-expect-error a service without its major
defineService("thing");
// @ts-expect-error a label of another type
defineLabel("spam-score", Type.Number()).set("high");
// @ts-expect-error a session is not always there
definePlugin({ name: "v", api: 1, setup: () => ({ hooks: { data: (envelope) => (envelope.session.tls ? proceed : proceed) } }) });
// @ts-expect-error a cell belongs to an object
definePlugin({ name: "w", api: 1, setup: ({ state }) => { state((_: string) => 1); return {}; } });
