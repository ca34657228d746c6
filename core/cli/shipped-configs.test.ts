/** Every config that is shipped loads, its plugins set up, and `postern check` has nothing against it. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../app/config/load-config.ts";
import type { ServerConfig } from "../app/config/server-config.ts";
import { ensureSelfSigned } from "../net/self-signed.ts";
import { checkPostmaster, checkRoutes } from "./check/routes.ts";
import { openOfflineKernel } from "./offline-kernel.ts";

const shipped = fileURLToPath(new URL("../../config/", import.meta.url));
let site: string;

/** The configs in a directory of their own, with what an administrator would have put into /etc/postern. */
beforeAll(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-shipped-"));
  await cp(shipped, join(site, "config"), { recursive: true });
  const etc = join(site, "etc");
  await mkdir(etc);
  await ensureSelfSigned(
    { cert: join(etc, "fullchain.pem"), key: join(etc, "privkey.pem") },
    { hostname: "mx.example.org" },
  );
  await writeFile(join(etc, "accounts.yaml"), "accounts:\n  - address: ann@example.org\n");
  await writeFile(join(etc, "virtual"), "postmaster@example.org ann@example.org\n");
  await writeFile(join(etc, "smarthost.secret"), "secret\n");
  await mkdir(join(site, "data"));
  await writeFile(join(site, "data/accounts.yaml"), "accounts:\n  - address: demo@example.test\n");
  for (const name of await readdir(join(site, "config"), { recursive: true })) {
    if (!name.endsWith(".yaml")) continue;
    const path = join(site, "config", name);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll("/etc/postern", etc).replaceAll("/var/lib/postern", join(site, "data")));
  }
});
afterAll(() => rm(site, { recursive: true, force: true }));

async function load(name: string): Promise<ServerConfig> {
  const loaded = await loadConfig({ file: join(site, "config", name), cwd: site });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes, null, 2));
  expect(loaded.warnings).toEqual([]);
  return loaded.config;
}

const all = [
  "postern.config.yaml",
  "examples/small-site.yaml",
  "examples/smarthost.yaml",
  "examples/backup-mx.yaml",
  "examples/strict-mx.yaml",
];

describe("the configs that are shipped", () => {
  it("are all in this test", async () => {
    const files = await readdir(shipped, { recursive: true });
    expect(files.filter((name) => /\.(ya?ml|json)$/.test(name)).sort()).toEqual([...all].sort());
  });

  it.each(all)("load, set up and route: %s", async (name) => {
    const config = await load(name);
    const offline = await openOfflineKernel(config);
    const { kernel } = offline;
    try {
      const findings = [
        ...(await kernel.check()),
        ...checkRoutes(config, offline),
        ...(await checkPostmaster(config, offline)),
      ];
      expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
    } finally {
      await kernel.stop();
    }
  });

  it("listen on loopback only, and above the ports of root, in what npm start runs", async () => {
    const { listeners, dataDir } = await load("postern.config.yaml");
    expect(dataDir).toBe(join(site, "data"));
    expect(
      listeners.map(({ role, place, tls }) => [role, place.at === "port" ? `${place.host}:${place.port}` : "", tls]),
    ).toEqual([
      ["mx", "127.0.0.1:2525", "optional"],
      ["submission", "127.0.0.1:2587", "required"],
      ["submission", "127.0.0.1:2465", "implicit"],
      ["imap", "127.0.0.1:1143", "optional"],
      ["imap", "127.0.0.1:1993", "implicit"],
      ["pop3", "127.0.0.1:1110", "optional"],
      ["pop3", "127.0.0.1:1995", "implicit"],
    ]);
  });
});
