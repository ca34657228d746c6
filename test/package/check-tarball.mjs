/**
 * The package as people get it: packed, installed elsewhere, and used for what they use it for. A plugin is made from the
 * template, built and tested; then servers run it as an ES module, as CommonJS and as a TypeScript file beside the config,
 * each time with a second copy of postern installed beside it that must never be loaded.
 *
 *   node test/package/check-tarball.mjs [TARBALL]    packs this repository if no tarball is given
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "postern-tarball-"));
const npmFlags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];

function run(cwd, command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 64 << 20 });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")} (in ${cwd})\n${error ?? ""}${stdout}${stderr}`);
}

function step(text) {
  process.stdout.write(`${text}\n`);
}

function directory(...path) {
  const made = join(work, ...path);
  mkdirSync(made, { recursive: true });
  return made;
}

function write(path, text) {
  mkdirSync(resolve(path, ".."), { recursive: true });
  writeFileSync(path, text);
}

function pack(cwd) {
  const packed = JSON.parse(run(cwd, "npm", "pack", "--json", "--pack-destination", work, ...npmFlags));
  return join(work, packed[0].filename);
}

function installed(name, ...packages) {
  const place = directory(name);
  write(join(place, "package.json"), JSON.stringify({ name, version: "1.0.0", private: true }));
  run(place, "npm", "install", ...npmFlags, ...packages);
  return place;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Sends each line after the reply to the one before; the replies, last lines only. */
async function converse(port, lines) {
  const socket = connect(port, "127.0.0.1");
  const replies = [];
  for await (const line of createInterface({ input: socket })) {
    if (/^\d{3}-/.test(line)) continue;
    replies.push(line);
    const next = lines[replies.length - 1];
    if (next === undefined) break;
    socket.write(`${next}\r\n`);
  }
  socket.destroy();
  return replies;
}

/** Starts the server of one copy with a config, and answers when a client can come. */
async function withServer(bin, config, use) {
  const server = spawn(process.execPath, [bin, "start", "--config", config], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((done) => server.once("exit", (code) => done(code)));
  let said = "";
  server.stderr.on("data", (piece) => {
    said += piece;
  });
  const ready = new Promise((done) => {
    server.stdout.on("data", (piece) => {
      said += piece;
      if (said.includes('"msg":"ready"')) done("ready");
    });
  });
  const first = await Promise.race([ready, ended]);
  if (first !== "ready") throw new Error(`the server ended with ${first}\n${said}`);
  try {
    await use();
  } catch (error) {
    throw new Error(`${error.message}\n${said}`, { cause: error });
  } finally {
    server.kill("SIGTERM");
  }
  const code = await ended;
  if (code !== 0) throw new Error(`the server ended with ${code}\n${said}`);
}

async function main() {
  const given = process.argv[2];
  step(given ? `using ${given}` : "packing");
  const tarball = given ? resolve(given) : pack(root);

  step("installing");
  const host = installed("host", tarball);
  const bin = join(host, "node_modules/postern/dist/core/cli/bin.js");
  run(host, process.execPath, bin, "version");

  step("a plugin from the template: building and testing it");
  const plugin = join(work, "postern-plugin-limits");
  run(work, process.execPath, bin, "plugin", "new", "limits");
  run(plugin, "npm", "install", "--save-dev", ...npmFlags, tarball);
  run(plugin, "npm", "test");
  const pluginTarball = pack(plugin);

  step("a site with a second copy of postern that must not be loaded");
  const site = installed("site", "--legacy-peer-deps", pluginTarball);
  const second = join(site, "node_modules/postern");
  cpSync(join(host, "node_modules/postern/package.json"), join(second, "package.json"));
  const copy = join(second, "dist/core/api");
  cpSync(join(host, "node_modules/postern/dist/core/api"), copy, { recursive: true });
  for (const name of readdirSync(copy).filter((name) => name.endsWith(".js"))) {
    writeFileSync(join(copy, name), 'throw new Error("the second copy of postern was loaded");\n');
  }
  const source = readFileSync(join(plugin, "src/index.ts"), "utf8");
  cpSync(join(plugin, "src/index.ts"), join(site, "limits.ts"));
  const ts = createRequire(join(plugin, "package.json"))("typescript");
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: "ES2022" },
  });
  const common = join(site, "node_modules/postern-plugin-common");
  write(
    join(common, "package.json"),
    JSON.stringify({ name: "postern-plugin-common", version: "1.0.0", main: "main.js" }),
  );
  write(join(common, "main.js"), outputText);

  for (const use of ["limits", "common", "./limits.ts"]) {
    step(`a server with the plugin as ${use}`);
    const port = await freePort();
    const config = join(site, "postern.config.json");
    write(
      config,
      JSON.stringify({
        hostname: "mx.example.org",
        workers: 1,
        listeners: [{ role: "mx", host: "127.0.0.1", port }],
        plugins: [{ "policy-relay": { networks: ["127.0.0.0/8"] } }, { [use]: { limit: 1 } }, "deliver-smtp"],
      }),
    );
    const chain = run(site, process.execPath, bin, "explain", "rcptTo", "--config", config);
    if (!/1\. limits/.test(chain)) throw new Error(`the plugin is not in the chain:\n${chain}`);
    await withServer(bin, config, async () => {
      const replies = await converse(port, [
        "EHLO client.example.net",
        "MAIL FROM:<bob@example.net>",
        "RCPT TO:<ann@example.com>",
        "RCPT TO:<joe@example.com>",
        "QUIT",
      ]);
      const codes = replies.map((reply) => reply.slice(0, 3)).join(" ");
      if (codes !== "220 250 250 250 452 221") throw new Error(`unexpected replies:\n${replies.join("\n")}`);
    });
  }
  step("the package is good");
}

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}
