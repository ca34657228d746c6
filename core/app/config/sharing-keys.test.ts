import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "./load-config.ts";

describe("the key sharing", () => {
  let site: string;
  beforeEach(async () => {
    site = await mkdtemp(join(tmpdir(), "postern-sharing-keys-"));
  });
  afterEach(() => rm(site, { recursive: true, force: true }));

  async function load(sharing: string) {
    const head = "hostname: mx.example.org\nlisteners: [{ role: mx, port: 0 }]\n";
    await writeFile(join(site, "postern.config.yaml"), `${head}${sharing}`);
    return loadConfig({ cwd: site });
  }

  it("lets users share, and nothing else, unless it says more", async () => {
    const loaded = await load("");
    expect(loaded).toMatchObject({
      ok: true,
      config: { sharing: { otherUsers: "Other Users", mayShareWithAll: false } },
    });
    if (loaded.ok) expect(loaded.config.sharing.roots.size).toBe(0);
  });

  it("names accounts, directories and groups", async () => {
    const loaded = await load(
      'sharing:\n  otherUsers: ""\n  mailboxes: { sales: { account: s@example.org }, forms: { home: forms } }\n  groups: { staff: [ann] }\n',
    );
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
    const { otherUsers, roots, groups } = loaded.config.sharing;
    expect(otherUsers).toBeNull();
    expect([...roots]).toEqual([
      ["sales", { at: "account", login: "s@example.org" }],
      ["forms", { at: "home", home: join(site, "forms") }],
    ]);
    expect(groups.get("staff")).toEqual(new Set(["ann"]));
  });

  it.each([
    ["sharing: { mailboxes: { sales: {} } }", /either account or home/],
    ["sharing: { mailboxes: { sales: { account: a, home: b } } }", /either account or home/],
    ["sharing: { otherUsers: Shared }", /another name than otherUsers/],
    ["sharing: { otherUsers: a/b }", /a name without/],
    ["sharing: { prefix: INBOX }", /every account's own/],
    ["sharing: { mailboxes: { a/b: { account: a } } }", /./],
  ])("is told what is wrong: %s", async (sharing, text) => {
    const loaded = await load(`${sharing}\n`);
    if (loaded.ok) throw new Error("taken");
    expect(JSON.stringify(loaded.mistakes)).toMatch(text);
  });
});
