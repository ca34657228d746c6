/** What core writes into a message on its way to the spool: the trace, and what a submission lacks. */
import { afterEach, describe, expect, it } from "vitest";
import { proceed } from "../kernel/verdicts.ts";
import { parsePath } from "../mail/address.ts";
import { addressOf, sessionOf } from "../testing/mail.ts";
import { offerOf, openingOf, sendText } from "../testing/mail-flow.ts";
import { MailFlows } from "../testing/mail-flows.ts";
import { directory, hooksPlugin, recording } from "../testing/mail-plugins.ts";
import { manualClock } from "../testing/manual-clock.ts";

const here = directory("example.org", "ann@example.org", "ben@example.org", "postmaster@example.org");

const flows = new MailFlows();
afterEach(() => flows.close());
const flowOf = flows.open;

describe("what is written into the message", () => {
  const text = "Subject: s\n\nbody\n";
  const session = sessionOf({
    heloName: "mail.example.net",
    remote: { address: "2001:db8::1", port: 1, hostname: "mail.example.net" },
    listener: { name: "submission-587", role: "submission" },
    tls: { protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", servername: null, clientCertificate: null },
    identity: { login: "bob" },
  });

  it("is completed on submission: Date, Message-ID and From, where they are missing", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([here, plugin]);
    const { submitted } = await sendText(flow, { opening: openingOf({ session }), to: ["ann@example.org"], text });
    await flow.quiet();
    const id = submitted.at === "queued" ? submitted.id : "";
    expect(delivered[0]?.text).toBe(
      [
        "Received: from mail.example.net (mail.example.net [IPv6:2001:db8::1])",
        "\t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128 bits))",
        `\tby mx.example.org (Postern) with ESMTPSA id ${id}`,
        "\tfor <ann@example.org>; Fri, 2 Jan 2026 03:04:05 +0000",
        "Subject: s",
        "Date: Fri, 2 Jan 2026 03:04:05 +0000",
        `Message-ID: <${id}@mx.example.org>`,
        "From: <bob@example.net>",
        "",
        "body",
        "",
      ].join("\r\n"),
    );
  });

  it.each([
    [{ isClientAsked: false }, "(128 bits), no client certificate asked for)"],
    [{ isClientAsked: true }, "(128 bits), client sent no certificate)"],
    [{ isClientAsked: true, clientCertificate: Buffer.from("x") }, "(128 bits), client certificate not verified)"],
    [
      { isClientAsked: true, clientCertificate: Buffer.from("x"), isClientVerified: true, clientName: "a (b)\r\nX: y" },
      "(128 bits), client certificate of abX:y verified)",
    ],
  ])("tells of client certificates: %j", async (facts, expected) => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([here, plugin]);
    const tls = session.tls === null ? null : { ...session.tls, ...facts };
    const opening = openingOf({ session: sessionOf({ listener: session.listener, tls }) });
    await sendText(flow, { opening, to: ["ann@example.org"], text });
    await flow.quiet();
    expect(delivered[0]?.text).toContain(expected);
  });

  it("does not tell where own users are, if the administrator says so", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([here, plugin], { hiddenClients: new Set(["submission-587"]) });
    await sendText(flow, { opening: openingOf({ session }), to: ["ann@example.org"], text });
    await flow.quiet();
    const [received] = delivered[0]?.text.split(/\r\n(?!\t)/) ?? [];
    expect(received).toMatch(
      /^Received: \(using TLSv1.3 with cipher \S+ \(128 bits\)\)\r\n\tby mx.example.org \(Postern\) with ESMTPSA/,
    );
    expect(received).not.toMatch(/2001|mail.example.net/);
  });

  it("has senders and recipients with a domain", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([here, plugin]);
    const reversePath = parsePath("<bob>", { bare: true })?.address ?? null;
    const draft = flow.submit.open({ ...openingOf({ session }), reversePath });
    expect(String(draft.envelope.reversePath)).toBe("bob@example.org");
    const address = parsePath("<ann>", { bare: true })?.address ?? addressOf("x@example.org");
    expect(await draft.admit({ ...offerOf("ann@example.org"), address })).toMatchObject({ at: "admitted" });
    expect(draft.envelope.recipients.map(({ address }) => String(address))).toEqual(["ann@example.org"]);
    await draft.close();
    expect(delivered).toEqual([]);
  });

  it("is left alone on the MX, and names no recipient where there are two", async () => {
    const { plugin, delivered } = recording();
    const flow = await flowOf([here, plugin]);
    const to = ["ann@example.org", "ben@example.org"];
    await sendText(flow, { opening: openingOf({ session: sessionOf({ heloName: "a (b)\r\nX: y" }) }), to, text });
    await flow.quiet();
    const [received, ...rest] = delivered[0]?.text.split(/\r\n(?!\t)/) ?? [];
    expect(rest).toEqual(["Subject: s", "", "body", ""]);
    expect(received).not.toContain("for <");
    expect(received).toContain("from abX:y (unknown [192.0.2.1])");
  });

  it("refuses what has gone round in circles", async () => {
    const flow = await flowOf([here]);
    const looped = `${"Received: from x by y; z\n".repeat(101)}Subject: s\n\nx\n`;
    expect((await sendText(flow, { to: ["ann@example.org"], text: looped })).submitted).toMatchObject({
      at: "refused",
      refusal: { code: 554, detail: "4.6" },
    });
    const fine = `${"Received: from x by y; z\n".repeat(90)}Subject: s\n\nx\n`;
    expect((await sendText(flow, { to: ["ann@example.org"], text: fine })).submitted.at).toBe("queued");
  });

  it("takes as many hops as it is told", async () => {
    const flow = await flowOf([here], { hopsLimit: 2 });
    const send = (hops: number) =>
      sendText(flow, {
        to: ["ann@example.org"],
        text: `${"Received: from x by y; z\n".repeat(hops)}Subject: s\n\nx\n`,
      });
    expect((await send(2)).submitted.at).toBe("queued");
    expect((await send(3)).submitted).toMatchObject({ refusal: { code: 554, detail: "4.6" } });
  });

  it("keeps nothing when the client has waited longer than any client waits: it will come again", async () => {
    const clock = manualClock();
    const slow = hooksPlugin({
      message: () => {
        clock.advance(11 * 60_000);
        return proceed;
      },
    });
    const flow = await flowOf([here, slow], { clock });
    expect((await sendText(flow, { to: ["ann@example.org"] })).submitted).toMatchObject({
      at: "refused",
      isPermanent: false,
      refusal: { code: 451 },
    });
  });
});
