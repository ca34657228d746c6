import { execFile } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { Authority, type Wish } from "../testing/authority.ts";
import { Workbench } from "../testing/connections.ts";
import { keptLog } from "../testing/kernel.ts";
import { type ClientCertificates, openCertificates } from "./certificates.ts";
import { signatureHash } from "./signature-hash.ts";

const bench = new Workbench();
afterEach(() => bench.clear());

async function serving(
  wishes: readonly Wish[],
  clients: (ca: string) => ClientCertificates | undefined = () => undefined,
) {
  const authority = await Authority.open(await bench.directory());
  const files = await Promise.all(wishes.map((wish) => authority.issue(wish)));
  const wanted = clients(authority.ca);
  const certificates = await openCertificates(files, { log: keptLog().log, ...(wanted && { clients: wanted }) });
  bench.defer(() => certificates.close());
  const { port, accepted, lines } = await bench.listener({ certificates, spec: { tls: "implicit" } });
  const connecting = (options: ConnectionOptions = {}): TLSSocket => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
    socket.on("error", () => undefined);
    bench.defer(() => socket.destroy());
    return socket;
  };
  const shake = async (options: ConnectionOptions = {}) => {
    const socket = connecting(options);
    await once(socket, "secureConnect");
    return { socket, connection: await accepted() };
  };
  return { authority, files, port, lines, connecting, shake };
}

/** Whatever error came before. */
const closed = (socket: TLSSocket): Promise<void> => new Promise((resolve) => socket.once("close", () => resolve()));

const failures = async (lines: readonly { readonly text: string }[], count: number): Promise<void> => {
  while (lines.filter(({ text }) => text === "TLS handshake failed").length < count)
    await new Promise((resolve) => setImmediate(resolve));
};

const shown = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN);

describe("several certificates", () => {
  const three = [
    { dnsNames: ["mx.example.org", "example.org"] },
    { dnsNames: ["*.example.net"] },
    { dnsNames: ["mail.example.com"] },
  ];

  it("are chosen by the name that the client asks for, the first one by default", async () => {
    const { shake } = await serving(three);
    for (const [servername, expected] of [
      ["MAIL.example.com", "mail.example.com"],
      ["imap.example.net", "*.example.net"],
      ["a.b.example.net", "mx.example.org"],
      ["example.net", "mx.example.org"],
      ["example.org", "mx.example.org"],
      ["unknown.example", "mx.example.org"],
      [undefined, "mx.example.org"],
    ] as const) {
      const { socket, connection } = await shake(servername === undefined ? {} : { servername });
      expect(shown(socket)).toBe(expected);
      expect(connection.session.tls?.servername).toBe(servername ?? null);
    }
  });

  it("of two key types stand side by side for one name", async () => {
    const { shake } = await serving([
      { dnsNames: ["mx.example.org"], keyType: "rsa" },
      { dnsNames: ["mx.example.org"], keyType: "ec" },
    ]);
    for (const [ciphers, expected] of [
      ["ECDHE-RSA-AES256-GCM-SHA384", 2048],
      ["ECDHE-ECDSA-AES256-GCM-SHA384", 256],
    ] as const)
      for (const servername of ["mx.example.org", "unknown.example"]) {
        const { socket } = await shake({ servername, ciphers, maxVersion: "TLSv1.2" });
        expect(socket.getPeerCertificate()).toMatchObject({ bits: expected });
      }
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("are told apart whatever their keys are, over %s", async (maxVersion) => {
    const { shake } = await serving([
      { dnsNames: ["mx.example.org"], keyType: "ec" },
      { dnsNames: ["mx.example.net"], keyType: "rsa" },
      { dnsNames: ["mx.example.com"], keyType: "rsa" },
      { dnsNames: ["mx.example.com"], keyType: "ec" },
    ]);
    for (const [servername, sigalgs, expected] of [
      ["mx.example.net", undefined, 2048],
      ["mx.example.com", "RSA-PSS+SHA256:RSA+SHA256", 2048],
      ["mx.example.com", "ECDSA+SHA256", 256],
      ["mx.example.org", undefined, 256],
    ] as const) {
      const { socket, connection } = await shake({ servername, maxVersion, ...(sigalgs && { sigalgs }) });
      expect(shown(socket)).toBe(servername);
      expect(socket.getPeerCertificate()).toMatchObject({ bits: expected });
      expect(connection.session.tls?.servername).toBe(servername);
    }
  });

  it("are shown to openssl as it asks for them", async () => {
    const { port } = await serving(three);
    const asked = promisify(execFile)("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${port}`, "-servername", "mail.example.com", "-brief"],
    ]);
    asked.child.stdin?.end();
    const { stdout, stderr } = await asked.catch((error: { stdout: string; stderr: string }) => error);
    expect(stdout + stderr).toContain("CN = mail.example.com");
  });
});

describe("old clients", () => {
  it.each([
    ["TLS 1.1", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }],
    ["no forward secrecy", { maxVersion: "TLSv1.2", ciphers: "AES256-GCM-SHA384" }],
  ] as const)("with %s are refused", async (_, options) => {
    const { connecting, lines } = await serving([{ dnsNames: ["mx.example.org"], keyType: "rsa" }]);
    const socket = connecting(options);
    let isSecured = false;
    socket.once("secureConnect", () => {
      isSecured = true;
    });
    await closed(socket);
    await failures(lines, 1);
    expect(isSecured).toBe(false);
  });

  it("with TLS 1.2 get in", async () => {
    const { shake } = await serving([{ dnsNames: ["mx.example.org"] }]);
    const { connection } = await shake({ maxVersion: "TLSv1.2" });
    expect(connection.session.tls).toMatchObject({ protocol: "TLSv1.2", isClientAsked: false, clientName: null });
  });
});

describe("client certificates", () => {
  const one = [{ dnsNames: ["mx.example.org"] }];
  const read = async ({ cert, key }: { cert: string; key: string }) => ({
    cert: await readFile(cert),
    key: await readFile(key),
  });

  it("are not asked for by default", async () => {
    const { shake, authority } = await serving(one);
    const { connection } = await shake(await read(await authority.issue({ commonName: "client" })));
    expect(connection.session.tls).toMatchObject({ isClientAsked: false, clientCertificate: null, clientName: null });
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("that are vouched for have a name, over %s", async (maxVersion) => {
    const { shake, authority } = await serving(one, (ca) => ({ wanted: "ask", ca }));
    const client = await read(await authority.issue({ commonName: "relay.example.net" }));
    const { connection } = await shake({ ...client, maxVersion });
    const { raw } = new X509Certificate(client.cert);
    expect(connection.session.tls).toMatchObject({
      isClientAsked: true,
      isClientVerified: true,
      clientName: "relay.example.net",
      clientFingerprint: createHash("sha256").update(raw).digest("hex"),
    });
    expect(Buffer.from(connection.session.tls?.clientCertificate ?? [])).toEqual(raw);
  });

  it("that nobody vouches for are known by their fingerprint only", async () => {
    const { shake } = await serving(one, (ca) => ({ wanted: "ask", ca }));
    const other = await Authority.open(await bench.directory(), "other");
    const { connection } = await shake(await read(await other.issue({ commonName: "relay.example.net" })));
    expect(connection.session.tls).toMatchObject({
      isClientVerified: false,
      clientName: null,
      clientFingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("need no authority to be asked for", async () => {
    const { shake, authority } = await serving(one, () => ({ wanted: "ask", ca: null }));
    const { connection } = await shake(await read(await authority.issue({ commonName: "client" })));
    expect(connection.session.tls).toMatchObject({ isClientAsked: true, isClientVerified: false, clientName: null });
  });

  it("need not be sent where they are asked for", async () => {
    const { shake } = await serving(one, (ca) => ({ wanted: "ask", ca }));
    const { connection } = await shake();
    expect(connection.session.tls).toMatchObject({
      isClientVerified: false,
      clientCertificate: null,
      clientFingerprint: null,
    });
  });

  it("are still known when a session is resumed, and no client without one is verified", async () => {
    const { shake, authority } = await serving(one, (ca) => ({ wanted: "ask", ca }));
    for (const client of [await read(await authority.issue({ commonName: "relay" })), {}]) {
      const first = await shake({ ...client, maxVersion: "TLSv1.2" });
      const session = first.socket.getSession();
      if (!session) throw new Error("no session");
      const { socket, connection } = await shake({ ...client, maxVersion: "TLSv1.2", session });
      expect(socket.isSessionReused()).toBe(true);
      expect(connection.session.tls).toMatchObject({
        isClientVerified: "cert" in client,
        clientName: "cert" in client ? "relay" : null,
      });
    }
  });

  it("that are required and do not come, or lead nowhere, end the handshake", async () => {
    const { shake, connecting, lines, authority } = await serving(one, (ca) => ({ wanted: "require", ca }));
    const other = await Authority.open(await bench.directory(), "other");
    for (const client of [{}, await read(await other.issue({ commonName: "relay" }))])
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) await closed(connecting({ ...client, maxVersion }));
    await failures(lines, 4);
    const { connection } = await shake(await read(await authority.issue({ commonName: "relay" })));
    expect(connection.session.tls?.clientName).toBe("relay");
  });
});

describe("channel binding", () => {
  it("tls-exporter is what the client exports", async () => {
    const { shake } = await serving([{ dnsNames: ["mx.example.org"] }]);
    const { socket, connection } = await shake();
    const theirs = socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
    expect(Buffer.from(connection.session.tls?.channelBinding?.("tls-exporter") ?? [])).toEqual(theirs);
    const other = await shake();
    expect(Buffer.from(other.connection.session.tls?.channelBinding?.("tls-exporter") ?? [])).not.toEqual(theirs);
  });

  it("tls-exporter is not to be had below TLS 1.3, nor when the client has gone", async () => {
    const { shake } = await serving([{ dnsNames: ["mx.example.org"] }]);
    const old = await shake({ maxVersion: "TLSv1.2" });
    expect(old.connection.session.tls?.channelBinding?.("tls-exporter")).toBeNull();
    const { connection } = await shake();
    connection.socket.destroy();
    expect(connection.session.tls?.channelBinding?.("tls-exporter")).toBeNull();
  });

  it.each([
    ["sha256", { hash: "sha256" }],
    ["sha384", { hash: "sha384" }],
    ["sha512", { hash: "sha512", keyType: "rsa" }],
  ] as const)("tls-server-end-point takes the hash of the signature: %s", async (hash, wish) => {
    const { shake } = await serving([{ dnsNames: ["mx.example.org"], ...wish }]);
    const { socket, connection } = await shake();
    const expected = createHash(hash).update(socket.getPeerCertificate().raw).digest();
    expect(Buffer.from(connection.session.tls?.channelBinding?.("tls-server-end-point") ?? [])).toEqual(expected);
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "tls-server-end-point is of the certificate that the client was shown, over %s",
    async (maxVersion) => {
      const { shake } = await serving([
        { dnsNames: ["mx.example.org"], keyType: "rsa" },
        { dnsNames: ["mx.example.org"], keyType: "ec" },
        { dnsNames: ["mail.example.com"] },
      ]);
      for (const options of [
        { servername: "mail.example.com" },
        { servername: "mx.example.org", sigalgs: "RSA-PSS+SHA256:RSA+SHA256" },
        { servername: "mx.example.org", sigalgs: "ECDSA+SHA256" },
        {},
      ]) {
        const { socket, connection } = await shake({ ...options, maxVersion });
        const expected = createHash("sha256").update(socket.getPeerCertificate().raw).digest();
        expect(Buffer.from(connection.session.tls?.channelBinding?.("tls-server-end-point") ?? [])).toEqual(expected);
      }
    },
  );

  it("tls-server-end-point is not to be had of a session that was resumed", async () => {
    const { shake } = await serving([{ dnsNames: ["mx.example.org"] }]);
    const session = (await shake({ maxVersion: "TLSv1.2" })).socket.getSession();
    if (!session) throw new Error("no session");
    const { connection } = await shake({ maxVersion: "TLSv1.2", session });
    expect(connection.session.tls?.channelBinding?.("tls-server-end-point")).toBeNull();
  });
});

describe("the hash of a signature", () => {
  it.each([
    ["sha1", { hash: "sha1" }, "ec"],
    ["sha384", { hash: "sha384" }, "ec"],
    ["sha1", { hash: "sha1" }, "rsa"],
    ["sha256", { hash: "sha256" }, "rsa"],
    ["sha384", { hash: "sha384", pss: true }, "rsa"],
  ] as const)("is read: %s", async (expected, wish, keyType) => {
    const authority = await Authority.open(await bench.directory(), "ca", keyType);
    const { cert } = await authority.issue({ ...wish, commonName: "x" });
    expect(signatureHash(new X509Certificate(await readFile(cert)).raw)).toBe(expected);
  });

  it("of what is no certificate is none", async () => {
    const authority = await Authority.open(await bench.directory());
    const { raw } = new X509Certificate(await readFile(authority.ca));
    for (let length = 0; length < raw.length; length += 7) expect(signatureHash(raw.subarray(0, length))).toBeNull();
    expect(signatureHash(Buffer.alloc(300, 0x30))).toBeNull();
  });
});
