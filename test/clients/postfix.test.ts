/** Out through a real Postfix on loopback, and a bounce from there back into the sender's mailbox. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "../server/ports.ts";
import { alice, RunningServer } from "../server/running-server.ts";
import { arrival } from "./mailboxes.ts";
import { Postfix } from "./postfix.ts";
import { describeWith, run } from "./programs.ts";

const isRoot = process.getuid?.() === 0;

describeWith(["postfix", "swaks"], "Postfix as the other side", () => {
  let server: RunningServer;
  let postfix: Postfix;
  beforeAll(async () => {
    if (!isRoot) return;
    const port = await freePort();
    const smarthost = `- deliver-smtp: { smarthost: "[127.0.0.1]:${port}", tls: none }`;
    server = await RunningServer.start({
      plugins: (usual) => usual.map((line) => (line === "- deliver-smtp" ? smarthost : line)),
    });
    postfix = await Postfix.start({ port, relayPort: server.ports.mx });
  });
  afterAll(async () => {
    await server?.stop();
    await postfix?.stop();
  });

  const submit = (to: string, subject: string) =>
    run("swaks", [
      "--server",
      `127.0.0.1:${server.ports.submissions}`,
      "--tls-on-connect",
      "--auth",
      "PLAIN",
      "--auth-user",
      alice.address,
      "--auth-password",
      alice.password,
      "--from",
      alice.address,
      "--to",
      to,
      "--header",
      `Subject: ${subject}`,
    ]);

  it.runIf(isRoot)("takes the message on", async () => {
    const sent = await submit("good@far.example", "to a real server");
    expect(sent.exitCode, sent.output).toBe(0);
    const id = /queued as (\S+)/.exec(sent.output)?.[1] ?? "none";
    const line = await server.logged(
      (logged) => JSON.stringify(logged).includes(id) && JSON.stringify(logged).includes("relayed"),
    );
    expect(JSON.stringify(line)).toContain("queued as");
  });

  it.runIf(isRoot)("refuses one recipient, and Postern's own bounce says so", async () => {
    const sent = await submit("unknown@far.example", "to nobody");
    expect(sent.exitCode, sent.output).toBe(0);
    const bounce = await arrival(server.ports.imaps, alice, (source) => source.includes("unknown@far.example"));
    expect(bounce).toMatch(/^Return-Path: <>\r\n/);
    expect(bounce).toMatch(/Content-Type: multipart\/report;[\s\S]*report-type="?delivery-status/);
    expect(bounce).toMatch(/Final-Recipient: rfc822; ?unknown@far\.example\r\nAction: failed\r\nStatus: 5\.1\.1\r\n/);
    expect(bounce).toMatch(/Diagnostic-Code: smtp; 550 /);
  });

  it.runIf(isRoot)(
    "accepts another and bounces it later: Postfix's bounce comes back to the sender's mailbox",
    async () => {
      const sent = await submit("late@bounce.example", "bounced by postfix");
      expect(sent.exitCode, sent.output).toBe(0);
      const bounce = await arrival(
        server.ports.imaps,
        alice,
        (source) => source.includes("late@bounce.example") && source.includes("Postfix"),
      );
      expect(bounce).toMatch(/^Return-Path: <>\r\n/);
      expect(bounce).toContain("Reporting-MTA: dns; far.example");
    },
  );
});
