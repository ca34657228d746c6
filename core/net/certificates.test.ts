import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { chmod, copyFile, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { Client, Workbench } from "../testing/connections.ts";
import { keptLog } from "../testing/kernel.ts";
import type { CertificateReader } from "./certificate-reader.ts";
import { openCertificates } from "./certificates.ts";
import { ensureSelfSigned } from "./self-signed.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

async function made(hostname = "mx.example.org") {
  const directory = await bench.directory();
  const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
  await ensureSelfSigned(files, { hostname });
  return { directory, ...files };
}

describe("a self-signed certificate", () => {
  it("is made once, for this machine's names, and only its owner may read it", async () => {
    const files = await made();
    const pem = await readFile(files.cert);
    const certificate = new X509Certificate(pem);
    for (const name of ["mx.example.org", "localhost"]) expect(certificate.checkHost(name)).toBe(name);
    for (const ip of ["127.0.0.1", "::1"]) expect(certificate.checkIP(ip)).toBe(ip);
    expect(certificate.ca).toBe(false);
    expect(new Date(certificate.validTo).getFullYear() - new Date().getFullYear()).toBe(10);
    for (const path of [files.cert, files.key]) expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await ensureSelfSigned(files, { hostname: "other.example" })).toBe(false);
    expect(await readFile(files.cert)).toEqual(pem);
  });

  it("fits its key when several processes make it at once", async () => {
    const directory = await bench.directory();
    const files = { cert: join(directory, "tls/cert.pem"), key: join(directory, "tls/key.pem") };
    await Promise.all(Array.from({ length: 8 }, () => ensureSelfSigned(files, { hostname: "mx.example.org" })));
    (await openCertificates(files, { log: keptLog().log })).close();
  });

  it("is made again for the key that a crash left alone", async () => {
    const files = await made();
    const key = await readFile(files.key);
    await rm(files.cert);
    expect(await ensureSelfSigned(files, { hostname: "mx.example.org" })).toBe(true);
    expect(await readFile(files.key)).toEqual(key);
    (await openCertificates(files, { log: keptLog().log })).close();
  });

  it("has no name in it that is none", async () => {
    const files = await made("*bad name*");
    const { subjectAltName } = new X509Certificate(await readFile(files.cert));
    expect(subjectAltName).toContain("DNS:localhost");
    expect(subjectAltName).not.toContain("bad");
  });
});

describe("certificate files", () => {
  const opening = (files: { cert: string; key: string }) => openCertificates(files, { log: keptLog().log });

  it.each([
    ["missing", async (f: { cert: string }) => rm(f.cert), /certificate file .*cert\.pem: there is no such file/],
    ["without its key", async (f: { key: string }) => rm(f.key), /key file .*key\.pem: there is no such file/],
    ["empty", async (f: { cert: string }) => writeFile(f.cert, ""), /cert\.pem has no certificate in it/],
    ["swapped", async (f: { cert: string; key: string }) => copyFile(f.key, f.cert), /cert\.pem has no certificate/],
    [
      "broken",
      async (f: { cert: string }) =>
        writeFile(f.cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
      /the certificate in .* cannot be read/,
    ],
    [
      "with a broken key",
      async (f: { key: string }) => writeFile(f.key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
      /the key in .* cannot be read/,
    ],
    [
      "with a key that asks for a pass phrase",
      async (f: { key: string }) => writeFile(f.key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"),
      /asks for a pass phrase/,
    ],
    [
      "with another's key",
      async (f: { key: string }) => copyFile((await made()).key, f.key),
      /key\.pem does not belong to the certificate/,
    ],
  ])("%s: says so", async (_, spoil, expected) => {
    const files = await made();
    await spoil(files);
    await expect(opening(files)).rejects.toMatchObject({
      code: "CERTIFICATE_UNUSABLE",
      message: expect.stringMatching(expected),
    });
  });

  it.skipIf(process.getuid?.() === 0)("that may not be read: says so", async () => {
    const files = await made();
    await chmod(files.key, 0);
    await expect(opening(files)).rejects.toThrow("may not read it");
  });
});

describe("a renewed certificate", () => {
  const until = async (lines: readonly { readonly text: string }[], expected: string) => {
    while (!lines.some(({ text }) => text === expected)) await new Promise((resolve) => setImmediate(resolve));
  };

  async function serving(clock?: { readonly nowMs: number }) {
    const files = await made("old.example");
    const { log, lines } = keptLog();
    const certificates = await openCertificates(files, { log, ...(clock && { nowMs: () => clock.nowMs }) });
    bench.defer(() => certificates.close());
    const { port, accepted } = await bench.listener({ certificates, spec: { tls: "implicit" } });
    const shake = async () => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
      const client = new Client(socket, "secureConnect");
      bench.defer(() => socket.destroy());
      await client.connected;
      return { client, connection: await accepted(), name: socket.getPeerCertificate().subject.CN };
    };
    return { files, lines, certificates, shake };
  }

  it("is used for the next handshake, while sessions go on", async () => {
    const { files, lines, shake } = await serving();
    const before = await shake();
    expect(before.name).toBe("old.example");
    const renewed = await made("new.example");
    const noticed = new Promise<void>((resolve) => {
      const look = () => (lines.some(({ text }) => text === "new certificate in use") ? resolve() : setImmediate(look));
      look();
    });
    // As an ACME client leaves them: one file after the other.
    await rename(renewed.cert, files.cert);
    await rename(renewed.key, files.key);
    await noticed;
    expect((await shake()).name).toBe("new.example");
    void before.connection.write("still here\r\n");
    await before.client.until("still here\r\n");
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("that is broken is logged once, and the former one stays in use", async () => {
    const clock = { nowMs: 0 };
    const { files, lines, certificates, shake } = await serving(clock);
    await copyFile((await made()).key, files.key);
    const errors = () => lines.filter(({ level }) => level === "error");
    await certificates.refresh();
    expect(errors()).toEqual([]);
    clock.nowMs += 10_000;
    await certificates.refresh();
    await certificates.refresh();
    expect(errors()).toHaveLength(1);
    expect(errors()[0]?.fields.cause).toContain("does not belong");
    expect((await shake()).name).toBe("old.example");
  });

  it("of which only half has come is waited for", async () => {
    const { files, lines, certificates, shake } = await serving({ nowMs: 0 });
    const renewed = await made("new.example");
    const pem = await readFile(renewed.cert);
    await writeFile(files.cert, pem.subarray(0, pem.length / 2));
    await certificates.refresh();
    expect((await shake()).name).toBe("old.example");
    await writeFile(files.cert, pem);
    await certificates.refresh();
    expect((await shake()).name).toBe("old.example");
    await copyFile(renewed.key, files.key);
    await until(lines, "new certificate in use");
    expect((await shake()).name).toBe("new.example");
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("to which links are led, file by file or all at once, is found", async () => {
    const directory = await bench.directory();
    const [first, second, third] = [await made("one.example"), await made("two.example"), await made("three.example")];
    // As certbot has it: live/cert.pem -> archive/cert1.pem
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    await symlink(first.cert, files.cert);
    await symlink(first.key, files.key);
    const { log, lines } = keptLog();
    const certificates = await openCertificates(files, { log });
    bench.defer(() => certificates.close());
    const lead = async (link: string, target: string) => {
      await symlink(target, `${link}.new`);
      await rename(`${link}.new`, link);
    };
    await lead(files.cert, second.cert);
    await lead(files.key, second.key);
    await until(lines, "new certificate in use");
    expect(lines.at(-1)?.fields.names).toContain("two.example");

    // A directory that is exchanged: nobody watches behind the link.
    const live = join(directory, "live");
    await symlink(second.directory, live);
    const behind = await openCertificates({ cert: join(live, "cert.pem"), key: join(live, "key.pem") }, { log });
    bench.defer(() => behind.close());
    await lead(live, third.directory);
    await behind.refresh();
    expect(lines.at(-1)?.fields.names).toContain("three.example");
  });

  it("is found by one who may read what we may not", async () => {
    const files = await made("old.example");
    const held = new Map([
      ["/root/cert.pem", await readFile(files.cert)],
      ["/root/key.pem", await readFile(files.key)],
    ]);
    const { log, lines } = keptLog();
    const reader: CertificateReader = {
      stamp: async (path) => String(held.get(path)?.length),
      read: async (path) => held.get(path) ?? Promise.reject(Object.assign(new Error("no"), { code: "EACCES" })),
    };
    const certificates = await openCertificates({ cert: "/root/cert.pem", key: "/root/key.pem" }, { log, reader });
    bench.defer(() => certificates.close());
    const renewed = await made("a-much-longer-name.example");
    held.set("/root/cert.pem", await readFile(renewed.cert)).set("/root/key.pem", await readFile(renewed.key));
    await certificates.refresh();
    expect(lines.at(-1)).toMatchObject({
      text: "new certificate in use",
      fields: { names: expect.stringContaining("a-much-longer-name.example") },
    });
  });

  it("is found by a handshake where nobody watches", async () => {
    const files = await made("old.example");
    let nowMs = 0;
    const { log, lines } = keptLog();
    const certificates = await openCertificates(files, { log, nowMs: () => nowMs });
    certificates.close(); // no watchers
    const first = certificates.serverOptions().secureContext;
    const renewed = await made("new.example");
    await copyFile(renewed.cert, files.cert);
    await copyFile(renewed.key, files.key);
    nowMs += 1_000;
    expect(certificates.serverOptions().secureContext).toBe(first);
    nowMs += 3_000;
    certificates.serverOptions();
    while (!lines.some(({ text }) => text === "new certificate in use"))
      await new Promise((resolve) => setImmediate(resolve));
    expect(certificates.serverOptions().secureContext).not.toBe(first);
  });

  it("that has run out, or soon will, is said in the log", async () => {
    const directory = await bench.directory();
    const files = { cert: join(directory, "cert.pem"), key: join(directory, "key.pem") };
    const day = 86_400_000;
    for (const [agoMs, level] of [
      [4_000 * day, "error"],
      [3_650 * day, "warn"],
    ] as const) {
      await rm(files.cert, { force: true });
      await ensureSelfSigned(files, { hostname: "mx.example.org", now: new Date(Date.now() - agoMs) });
      const { log, lines } = keptLog();
      (await openCertificates(files, { log })).close();
      expect(lines.map((line) => line.level)).toEqual([level]);
    }
  });
});

it("resumes TLS sessions from one connection to the next", async () => {
  const { port } = await bench.listener({ certificates: await bench.certificates(), spec: { tls: "implicit" } });
  const first = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  bench.defer(() => first.destroy());
  const [session] = (await once(first, "session")) as [Buffer];
  const second = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, session });
  bench.defer(() => second.destroy());
  await once(second, "secureConnect");
  expect(second.isSessionReused()).toBe(true);
});
