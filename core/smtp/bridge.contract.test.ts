/**
 * What we use of smtp-server's insides. When one of these fails after an update, `bridge.ts` has to be read again beside the new
 * source before the version is raised.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer, type Socket } from "node:net";
import { PassThrough, Writable } from "node:stream";
import { SMTPServer } from "smtp-server";
import { SMTPConnection } from "smtp-server/lib/smtp-connection.js";
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { afterEach, describe, expect, it } from "vitest";

const options = { logger: false, disableReverseLookup: true, hideSTARTTLS: true, authOptional: true } as const;
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Both ends of a connection on loopback. */
async function pair(): Promise<{ ours: Socket; theirs: Socket }> {
  const server = createServer({ noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const theirs = connect(address.port, "127.0.0.1");
  const [ours] = (await once(server, "connection")) as [Socket];
  closing.push(() => {
    ours.destroy();
    theirs.destroy();
    server.close();
  });
  return { ours, theirs };
}

/** As the bridge does it, with a parser that only counts. */
class Probe extends SMTPConnection {
  closeEvents = 0;
  errors: Error[] = [];
  taken = "";
  override _createParser(): SMTPStream {
    const probe = this;
    return new (class extends SMTPStream {
      override _write(chunk: Buffer, _encoding: BufferEncoding, next: () => void): void {
        probe.taken += chunk.toString("latin1");
        next();
      }
    })();
  }
  override _armTimeout(): void {}
  override _onCloseEvent(): void {
    this.closeEvents++;
    this._onClose();
  }
  override _onError(error: Error): void {
    this.errors.push(error);
  }
}

describe("smtp-server", () => {
  it("is the version whose insides were read", () => {
    const file = createRequire(import.meta.url).resolve("smtp-server/package.json");
    expect(JSON.parse(readFileSync(file, "utf8")).version).toBe("3.21.6");
  });

  it("opens no port and writes no warning of its own when it is made", () => {
    const server = new SMTPServer({ ...options });
    expect(server.server.listening).toBe(false);
    expect(server.connections).toBeInstanceOf(Set);
  });

  it("takes our parser already in the constructor, and our id", async () => {
    const { ours } = await pair();
    const probe = new Probe(new SMTPServer({ ...options }), ours, { id: "abc" });
    expect(probe.id).toBe("abc");
    expect(probe._parser).toBeInstanceOf(SMTPStream);
    expect(probe._socket).toBe(ours);
    expect(probe._upgrading).toBe(false);
  });

  it("touches the socket only in _setListeners, which pipes it into the parser and calls back at once", async () => {
    const { ours, theirs } = await pair();
    const probe = new Probe(new SMTPServer({ ...options }), ours, { id: "abc" });
    const before = ours.listenerCount("data");
    let isCalled = false;
    probe._setListeners(() => {
      isCalled = true;
    });
    expect(isCalled).toBe(true);
    expect(ours.listenerCount("data")).toBe(before + 1);
    theirs.write("EHLO x\r\n");
    await once(ours, "data");
    expect(probe.taken).toBe("EHLO x\r\n");
  });

  it("calls _onCloseEvent once when the socket closes, and lets go of parser and registration", async () => {
    const { ours, theirs } = await pair();
    const server = new SMTPServer({ ...options });
    const probe = new Probe(server, ours, { id: "abc" });
    server.connections.add(probe);
    probe._setListeners(() => undefined);
    theirs.destroy();
    await once(ours, "close");
    expect(probe.closeEvents).toBe(1);
    expect(probe._parser).toBe(false);
    expect(server.connections.size).toBe(0);
  });

  it("hands errors of the socket to _onError and nowhere else", async () => {
    const { ours } = await pair();
    const probe = new Probe(new SMTPServer({ ...options }), ours, { id: "abc" });
    probe._setListeners(() => undefined);
    const closed = new Promise((resolve) => ours.on("close", resolve));
    ours.destroy(new Error("reset"));
    await closed;
    expect(probe.errors.map(({ message }) => message)).toEqual(["reset"]);
  });

  it("ends the socket in close(), closes the parser and goes on draining the client", async () => {
    const { ours, theirs } = await pair();
    const probe = new Probe(new SMTPServer({ ...options }), ours, { id: "abc" });
    probe._setListeners(() => undefined);
    const parser = probe._parser;
    ours.write("221 bye\r\n");
    probe.close();
    const [last] = (await once(theirs, "data")) as [Buffer];
    expect(last.toString()).toBe("221 bye\r\n");
    expect(parser !== false && parser.isClosed).toBe(true);
    expect(ours.isPaused()).toBe(false);
    theirs.end("more\r\n");
    await once(ours, "close");
    expect(probe.taken).toBe("");
  });

  it("has a parser that is a Writable, passes our stream options on and calls _flushData at the end", async () => {
    let flushed = 0;
    class Parser extends SMTPStream {
      override _flushData(): void {
        flushed++;
      }
      override _write(_chunk: Buffer, _encoding: BufferEncoding, next: () => void): void {
        next();
      }
    }
    const parser = new Parser({ highWaterMark: 128 * 1024 });
    expect(parser).toBeInstanceOf(Writable);
    expect(parser.writableHighWaterMark).toBe(128 * 1024);
    expect(parser.isClosed).toBe(false);
    const source = new PassThrough();
    source.pipe(parser);
    source.end("x");
    await once(parser, "finish");
    expect(flushed).toBe(1);
  });
});
