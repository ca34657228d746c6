/** Each of these is an author's likely slip; every one must be refused by the compiler. */

import { accept, definePlugin, defineService, filed, proceed, reject } from "postern/plugin";
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
