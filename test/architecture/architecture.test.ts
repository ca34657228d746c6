/** The house keeps its rules; each rule's slips are told all at once. And the rules themselves see what they are to see. */
import { beforeAll, describe, expect, it } from "vitest";
import { importSlips } from "./imports.ts";
import {
  apiSlips,
  defaultExportSlips,
  namedPlugins,
  nameSlips,
  pluginSlips,
  sizeSlips,
  staleReasons,
} from "./shape.ts";
import { filesBelow, readSources, type SourceFile, sourceFile } from "./sources.ts";

describe("the house", () => {
  let sources: readonly SourceFile[] = [];
  let inPlugins: readonly string[] = [];
  beforeAll(async () => {
    sources = await readSources();
    inPlugins = await filesBelow("plugins");
  });

  it("is where the rules look for it", () => {
    expect(sources.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["core/kernel/hooks.ts", "core/api/plugin.ts"]),
    );
  });
  it("imports only from below", () => expect(importSlips(sources)).toEqual([]));
  it("has no file that is too long without a reason", () => {
    expect([...sizeSlips(sources), ...staleReasons(sources)]).toEqual([]);
  });
  it("has names that say something", () => expect(nameSlips(sources)).toEqual([]));
  it("has a public face of re-exports", () => expect(apiSlips(sources)).toEqual([]));
  it("has a default export where a plugin begins, and nowhere else", () =>
    expect(defaultExportSlips(sources)).toEqual([]));
  it("has plugins that say what they are", () => expect(pluginSlips(inPlugins)).toEqual([]));
  it("has a core that names no plugin", () => {
    const plugins = new Set(inPlugins.flatMap((path) => path.split("/")[1] ?? []));
    expect(namedPlugins(sources, [...plugins])).toEqual([]);
  });
});

describe("the import rules", () => {
  const slips = (path: string, text: string) => importSlips([sourceFile(path, text)]);

  it.each([
    ["core/mail/address.ts", 'import type { X } from "../contracts/x.ts";', "contracts stands above mail"],
    ["core/net/listener.ts", 'import { x } from "../login/x.ts";', "siblings"],
    ["core/spool/a.test.ts", 'import { x } from "../queue/x.ts";', "siblings"],
    ["core/kernel/kernel.ts", 'export { x } from "../smtp/x.ts";', "smtp stands above kernel"],
    ["core/kernel/kernel.ts", 'export type { X } from "../app/x.ts";', "app stands above kernel"],
    ["core/queue/queue.ts", 'const x = await import("../app/x.ts");', "app stands above queue"],
    ["core/queue/queue.ts", 'type X = import("../cli/x.ts").X;', "cli stands above queue"],
    ["core/app/start.ts", 'import x from "../../plugins/access-imap/index.ts";', "core knows no plugin"],
    ["core/app/start.ts", 'import { x } from "../../test/x.ts";', "nothing outside of core"],
    ["core/app/start.ts", 'import { x } from "postern/plugin";', "its own public face"],
    ["core/app/start.ts", 'import { x } from "../testing/kernel.ts";', "only tests may"],
    ["core/api/plugin.ts", 'export * from "../kernel/kernel.ts";', "the public face"],
    ["core/attic/x.ts", 'import "node:fs";', "no known room"],
    ["core/kernel/kernel.ts", 'import { SyncHook } from "tapable";', "only core/kernel/hooks.ts may"],
    ["core/smtp/phases.ts", 'import x from "smtp-server/lib/smtp-connection.js";', "only core/smtp/bridge.ts may"],
    ["plugins/policy-a/index.ts", 'import { x } from "smtp-server";', "only core/smtp/bridge.ts may"],
    ["plugins/policy-a/index.ts", 'import { x } from "../policy-b/x.ts";', "plugins never meet"],
    ["plugins/policy-a/deep/x.ts", 'import { x } from "../../../core/mail/address.ts";', "only as postern/plugin"],
    ["plugins/policy-a/index.ts", 'import { x } from "postern";', "only as postern/plugin"],
    ["plugins/policy-a/index.ts", 'import { x } from "postern/testing";', "only tests may"],
    ["core/kernel/kernel.ts", 'import { x } from "./x";', "carries .ts"],
  ])("see that %s may not: %s", (path, text, slip) => {
    expect(slips(path, text)).toEqual([expect.stringContaining(slip)]);
  });

  it.each([
    ["core/smtp/phases.ts", 'import { x } from "../net/x.ts"; import { y } from "../mail/y.ts"; import "node:net";'],
    ["core/kernel/kernel.test.ts", 'import { x } from "../testing/kernel.ts"; import { describe } from "vitest";'],
    ["core/testing/server.ts", 'import { x } from "../app/x.ts";'],
    ["core/api/testing.ts", 'export * from "../testing/kernel.ts";'],
    ["core/kernel/hooks.ts", 'import { AsyncSeriesBailHook } from "tapable";'],
    ["core/smtp/smtp-server.contract.test.ts", 'import { SMTPServer } from "smtp-server";'],
    ["plugins/policy-a/a.test.ts", 'import { x } from "postern/testing"; import p from "./index.ts";'],
    [
      "plugins/policy-a/index.ts",
      'import { x } from "postern/plugin"; import { y } from "postern/mail"; import "yaml";',
    ],
  ])("let %s import what it may: %s", (path, text) => {
    expect(slips(path, text)).toEqual([]);
  });
});

describe("the rules of shape", () => {
  const file = (path: string, text = "") => [sourceFile(path, text)];

  it("see a file that is too long", () => {
    expect(sizeSlips(file("core/net/a.ts", "x\n".repeat(401)))).toHaveLength(1);
    expect(sizeSlips(file("core/net/a.ts", "x\n".repeat(400)))).toHaveLength(0);
  });
  it.each(["core/net/utils.ts", "core/net/string-helpers.ts", "core/common/a.ts", "core/net/spoolManager.ts"])(
    "see that %s says nothing",
    (path) => {
      expect(nameSlips(file(path))).toHaveLength(1);
    },
  );
  it("see a public face that does something", () => {
    expect(apiSlips(file("core/api/plugin.ts", 'export * from "../mail/a.ts"; export const x = 1;'))).toHaveLength(1);
    expect(apiSlips(file("core/api/plugin.ts", 'export * from "../mail/a.ts"; export {};'))).toHaveLength(0);
  });
  it.each(["export default 1;", "export default function x() {}", "const x = 1; export { x as default };"])(
    "see a default export: %s",
    (text) => {
      expect(defaultExportSlips(file("core/net/a.ts", text))).toHaveLength(1);
      expect(defaultExportSlips(file("plugins/policy-a/index.ts", text))).toHaveLength(0);
    },
  );
  it("see a plugin without a default export, a README or a test", () => {
    expect(defaultExportSlips(file("plugins/policy-a/index.ts", "export const x = 1;"))).toHaveLength(1);
    expect(pluginSlips(["plugins/policy-a/index.ts"])).toHaveLength(2);
    expect(pluginSlips(["plugins/thing/index.ts", "plugins/thing/README.md", "plugins/thing/a.test.ts"])).toHaveLength(
      1,
    );
  });
  it("see a core that names a plugin", () => {
    const text = 'if (name === "access-imap") x(); // access-imap may be named in a comment';
    expect(namedPlugins(file("core/app/a.ts", text), ["access-imap"])).toEqual([
      "core/app/a.ts names the plugin access-imap",
    ]);
  });
});
