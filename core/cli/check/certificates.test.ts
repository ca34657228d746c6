import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type LoadedConfig, loadConfig } from "../../app/config/load-config.ts";
import { Authority, type Issued } from "../../testing/authority.ts";
import { checkCertificates } from "./certificates.ts";

async function site() {
  const directory = await mkdtemp(join(tmpdir(), "postern-check-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const authority = await Authority.open(directory);
  const check = async (lines: readonly string[], nowMs = Date.now()) => {
    await writeFile(join(directory, "postern.config.yaml"), ["hostname: mx.example.org", ...lines, ""].join("\n"));
    const loaded: LoadedConfig = await loadConfig({ cwd: directory });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
    const findings = await checkCertificates(loaded.config, nowMs);
    return findings.map(({ severity, about, text }) => `${severity} ${about}: ${text}`);
  };
  return { directory, authority, check };
}

const mx = "listeners: [{ role: mx, port: 25 }]";
const pair = ({ cert, key }: Issued): string => `{ cert: ${cert}, key: ${key} }`;
const day = 86_400_000;

it("a good certificate is nothing to talk about", async () => {
  const { authority, check } = await site();
  const good = await authority.issue({ dnsNames: ["*.example.org"] });
  expect(await check([`tls: ${pair(good)}`, mx])).toEqual([]);
});

it("one of several is enough for the server's name", async () => {
  const { authority, check } = await site();
  const [here, elsewhere] = [
    await authority.issue({ dnsNames: ["mx.example.org"] }),
    await authority.issue({ dnsNames: ["mail.example.net"] }),
  ];
  expect(await check([`tls: [${pair(elsewhere)}, ${pair(here)}]`, mx])).toEqual([]);
  expect(await check([`tls: [${pair(elsewhere)}, ${pair(elsewhere)}]`, mx])).toEqual([
    "warning tls: the certificate is not for mx.example.org: DNS:mail.example.net; DNS:mail.example.net",
  ]);
});

it("what expires within 14 days, and what has expired, is said", async () => {
  const { authority, check } = await site();
  const tls = `tls: ${pair(await authority.issue({ dnsNames: ["mx.example.org"], days: 30 }))}`;
  expect(await check([tls, mx], Date.now() + 15 * day)).toEqual([]);
  expect(await check([tls, mx], Date.now() + 17 * day)).toEqual([
    expect.stringMatching(/^warning tls: the certificate expires soon/),
  ]);
  expect(await check([tls, mx], Date.now() + 31 * day)).toEqual([
    expect.stringMatching(/^error tls: the certificate has expired/),
  ]);
});

it("a key of another certificate is found, at listeners as well, and others are still looked at", async () => {
  const { directory, authority, check } = await site();
  const [good, other] = [
    await authority.issue({ dnsNames: ["mx.example.org"] }),
    await authority.issue({ dnsNames: ["imap.example.org"] }),
  ];
  const mixed = { cert: good.cert, key: other.key };
  const ca = join(directory, "no-ca.pem");
  await copyFile(good.key, ca);
  expect(
    await check([
      `tls: [${pair(mixed)}, ${pair(good)}]`,
      "listeners:",
      `  - { role: mx, port: 25, certificates: ${pair(mixed)} }`,
      `  - { role: lmtp, port: 24, clientCertificates: ask, clientCa: ${ca} }`,
    ]),
  ).toEqual([
    expect.stringMatching(/^error tls: the key in .* does not belong to the certificate in/),
    expect.stringMatching(/^error mx-25: the key in .* does not belong/),
    expect.stringMatching(/^error lmtp-24: .*no-ca\.pem has no certificate in it/),
  ]);
});
