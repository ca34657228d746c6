import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { LoginMethods } from "../../contracts/account.ts";
import type { OutboundLogin, OutboundPlace } from "../../contracts/outbound.ts";
import { definePlugin } from "../../kernel/define.ts";
import { proceed, stored } from "../../kernel/verdicts.ts";
import { briefResult, outboundRequest, testOutbound } from "../../testing/outbound.ts";
import { fixture } from "../../testing/smtp-fixture.ts";
import { smtpTestServer } from "../../testing/smtp-front.ts";
import { type Peer, startPeerServer } from "../../testing/smtp-peer.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const login: OutboundLogin = { username: "me", password: "secret" };
const base64 = (text: string) => Buffer.from(text).toString("base64");

async function logIn(
  offered: readonly string[],
  credentials: OutboundLogin,
  script: (peer: Peer) => Promise<void>,
  place?: OutboundPlace,
) {
  const server = await startPeerServer(async (peer) => {
    await peer.greet(...offered);
    await script(peer);
  });
  const outbound = testOutbound();
  closing.push(
    () => server.close(),
    () => outbound.close(),
  );
  const request = outboundRequest({ port: server.port, login: credentials, content: null });
  const result = await outbound.send(
    place === undefined ? request : { ...request, place: { ...place, port: server.port } as never },
  );
  return { result, brief: briefResult(result), heard: server.peers.flatMap(({ chunks }) => chunks.slice(1)).join("") };
}
const welcome = async (peer: Peer) => {
  peer.say("235 2.7.0 welcome");
  await peer.answer({ MAIL: "250 ok", RCPT: "250 2.1.5 ok" });
};
const welcomed = ["1: 250 2.1.5 at rcpt"];

describe("logins", () => {
  it("by PLAIN (RFC 4616)", async () => {
    const { brief, heard } = await logIn(["AUTH PLAIN LOGIN"], login, async (peer) => {
      await peer.line();
      await welcome(peer);
    });
    expect(brief).toEqual(welcomed);
    expect(heard).toContain(`AUTH PLAIN ${base64("\0me\0secret")}\r\n`);
  });

  it("by LOGIN, where nothing else is offered", async () => {
    const said: string[] = [];
    const { brief } = await logIn(["AUTH LOGIN"], login, async (peer) => {
      for (const prompt of ["Username:", "Password:"]) {
        said.push(await peer.line());
        peer.say(`334 ${base64(prompt)}`);
      }
      said.push(await peer.line());
      await welcome(peer);
    });
    expect(brief).toEqual(welcomed);
    expect(said).toEqual(["AUTH LOGIN", base64("me"), base64("secret")]);
  });

  it("by a token that is read anew for each connection", async () => {
    const directory = await mkdtemp(join(tmpdir(), "postern-token-"));
    closing.push(() => rm(directory, { recursive: true }));
    const tokenFile = join(directory, "token");
    const credentials = { username: "me@example.org", tokenFile };
    await writeFile(tokenFile, "first\n");
    const one = await logIn(["AUTH XOAUTH2 PLAIN"], credentials, async (peer) => {
      await peer.line();
      await welcome(peer);
    });
    expect(one.brief).toEqual(welcomed);
    expect(one.heard).toContain(base64("user=me@example.org\u0001auth=Bearer first\u0001\u0001"));
    await writeFile(tokenFile, "x".repeat(600));
    const said: string[] = [];
    const other = await logIn(["AUTH OAUTHBEARER XOAUTH2"], credentials, async (peer) => {
      // RFC 4954 4: what is too long for the command's line follows it
      said.push(await peer.line());
      peer.say("334 ");
      said.push(Buffer.from(await peer.line(), "base64").toString());
      peer.say(`334 ${base64('{"status":"invalid_token"}')}`);
      said.push(await peer.line());
      peer.say("535 5.7.8 no");
    });
    expect(other.brief).toEqual(["unreachable at login: 535 5.7.8"]);
    expect(said[0]).toBe("AUTH OAUTHBEARER");
    expect(said[1]).toMatch(
      /^n,a=me@example.org,\u0001host=mx.example.org\u0001port=\d+\u0001auth=Bearer x{600}\u0001\u0001$/,
    );
    expect(said[2]).toBe(base64("\u0001"));
  });

  it.each<[string, readonly string[], OutboundLogin, string]>([
    ["is not offered", ["AUTH GSSAPI"], login, "451 4.4.2"],
    ["is not offered at all", [], login, "451 4.4.2"],
    ["is not among those wanted", ["AUTH PLAIN"], { ...login, mechanisms: ["SCRAM-SHA-256"] }, "451 4.4.2"],
    [
      "needs a token that is not there",
      ["AUTH XOAUTH2"],
      { username: "me", tokenFile: "/nonexistent/token" },
      "451 4.4.2",
    ],
  ])("end before anything secret is said where the mechanism %s", async (_, offered, credentials, reply) => {
    const { brief, heard, result } = await logIn(offered, credentials, (peer) => peer.gone());
    expect(brief).toEqual([`unreachable at login: ${reply}`]);
    // What a sender gets to read in the end says nothing of our files.
    expect(JSON.stringify(result)).not.toContain("/nonexistent");
    expect(heard).toBe("");
  });

  it.each<[string, (peer: Peer) => Promise<void>]>([
    [
      "asks without end",
      async (peer) => {
        for (;;) {
          await peer.line();
          peer.say(`334 ${base64("r=x,s=x,i=1")}`);
        }
      },
    ],
    [
      "has another nonce",
      async (peer) => {
        await peer.line();
        peer.say(`334 ${base64("r=another,s=c2FsdA==,i=4096")}`);
        await peer.gone();
      },
    ],
    [
      "wants us to work for hours",
      async (peer) => {
        const nonce = /r=(.*)$/.exec(Buffer.from((await peer.line()).split(" ")[2] ?? "", "base64").toString())?.[1];
        peer.say(`334 ${base64(`r=${nonce}more,s=c2FsdA==,i=999999999`)}`);
        await peer.gone();
      },
    ],
    [
      "is content without knowing the password",
      async (peer) => {
        const nonce = /r=(.*)$/.exec(Buffer.from((await peer.line()).split(" ")[2] ?? "", "base64").toString())?.[1];
        peer.say(`334 ${base64(`r=${nonce}more,s=c2FsdA==,i=4096`)}`);
        await peer.line();
        await welcome(peer);
      },
    ],
    [
      "shows a wrong signature",
      async (peer) => {
        const nonce = /r=(.*)$/.exec(Buffer.from((await peer.line()).split(" ")[2] ?? "", "base64").toString())?.[1];
        peer.say(`334 ${base64(`r=${nonce}more,s=c2FsdA==,i=4096`)}`);
        await peer.line();
        peer.say(`334 ${base64(`v=${base64("wrong")}`)}`);
        await peer.gone();
      },
    ],
  ])("by SCRAM end where the host %s", async (_, script) => {
    const { brief, heard } = await logIn(["AUTH SCRAM-SHA-256 PLAIN"], login, script);
    expect(brief).toEqual(["unreachable at login: 451 4.4.2"]);
    expect(heard).not.toContain("AUTH PLAIN");
    expect(heard).not.toContain("MAIL");
  });
});

describe("against our own server, over TLS", () => {
  const directory = definePlugin({
    name: "directory-secrets",
    api: 1,
    needs: { logins: LoginMethods },
    setup: ({ needs }) => {
      needs.logins.register({ methods: () => ["scram-sha-1", "scram-sha-256"] });
      return {
        hooks: {
          credentials: ({ login: name }) =>
            name === "user@example.org" ? stored({ login: name }, ["{CLEAR}secret"]) : proceed,
        },
      };
    },
  });
  it.each(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN"])(
    "%s works, and a wrong password does not",
    async (mechanism) => {
      const server = await smtpTestServer({ role: "submission", tls: "required", plugins: [directory, fixture] });
      const outbound = testOutbound();
      closing.push(
        () => server.close(),
        () => outbound.close(),
      );
      const send = (password: string) =>
        outbound.send(
          outboundRequest({
            port: server.port,
            tls: { level: "required" },
            login: { username: "user@example.org", password, mechanisms: [mechanism] },
            envelope: { ...outboundRequest({}).envelope },
            to: ["user@example.org"],
          }),
        );
      expect(briefResult(await send("secret"))).toEqual(["1: 250 2.0.0 at end"]);
      expect(briefResult(await send("wrong"))).toEqual(["unreachable at login: 535 5.7.8"]);
    },
  );
});
