/** What only a whole server shows of its listeners: root's certificates after root has gone, proxies, and unix sockets. */
import { chmod, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { Authority } from "../../core/testing/authority.ts";
import { RawClient } from "../../core/testing/raw-client.ts";
import { RunningServer } from "./running-server.ts";

const isRoot = userInfo().uid === 0;

async function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

it("follows certificates that only root can read, speaks PROXY, and opens its socket to whom it should", async () => {
  const server = await RunningServer.prepare({ accounts: {} });
  onTestFinished(() => server.stop());
  const { mx, submissions } = server.ports;
  const files = join(server.directory, "tls");
  await mkdir(files, { mode: 0o700 });
  const authority = await Authority.open(files);
  const first = await authority.issue({ dnsNames: ["one.example.org"] });
  await writeFile(
    server.configFile,
    [
      "hostname: mx.example.org",
      "dataDir: data",
      "workers: 2",
      ...(isRoot ? ["user: nobody"] : []),
      `tls: { cert: ${first.cert}, key: ${first.key} }`,
      "listeners:",
      `  - { role: submission, host: 127.0.0.1, port: ${submissions}, tls: implicit }`,
      `  - { role: mx, host: 127.0.0.1, port: ${mx}, proxy: { from: [127.0.0.1] } }`,
      `  - { role: lmtp, path: lmtp.sock, mode: "0606"${isRoot ? ', owner: "nobody"' : ""} }`,
      "plugins: [deliver-smtp]",
      "",
    ].join("\n"),
  );
  await chmod(server.directory, 0o711);
  await server.startProcess();

  expect(await shownName(submissions)).toBe("one.example.org");
  const second = await authority.issue({ dnsNames: ["two.example.org"] });
  await rename(second.cert, first.cert);
  await rename(second.key, first.key);
  const inUse = (line: { readonly msg: string }) => line.msg === "new certificate in use";
  await server.logged(inUse, server.lines.indexOf(await server.logged(inUse)) + 1);
  expect(await shownName(submissions)).toBe("two.example.org");

  const client = await RawClient.open(mx);
  client.send("PROXY TCP4 192.0.2.7 198.51.100.1 8080 25\r\nEHLO client.example.net\r\n");
  await client.until(/554/);
  const polite = await RawClient.open(mx);
  polite.send("PROXY TCP4 192.0.2.7 198.51.100.1 8080 25\r\n");
  await polite.until(/^220 .*\r\n/m);
  expect(await polite.say("EHLO client.example.net")).toMatch(/^250/);
  client.socket.destroy();
  polite.socket.destroy();

  const socket = await stat(join(server.directory, "lmtp.sock"));
  expect(socket.mode & 0o777).toBe(0o606);
  if (isRoot) expect(socket.uid).toBe(65_534);
});
