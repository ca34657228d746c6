/**
 * Never two messages out of one: sessions of several transactions, whose contents try to look like an end, a command, another
 * message; sent by DATA or BDAT, cut anywhere. What is kept must be exactly what the RFC's words make of it.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryClient } from "../../core/testing/memory-client.ts";
import { fixture } from "../../core/testing/smtp-fixture.ts";
import { type SmtpTestServer, smtpTestServer } from "../../core/testing/smtp-front.ts";
import { Random } from "./random.ts";
import { checkReplies, contentOf } from "./smtp-checks.ts";

const words = [
  ...[
    "\r\n",
    "\r",
    "\n",
    "\0",
    ".",
    "..",
    "\r\n.\r\n",
    "\n.\n",
    "\r\n.\n",
    "\n.\r\n",
    "\r.\r",
    "\r\n.\r",
    "\r\r\n.\r\r\n",
  ],
  ...[
    "MAIL FROM:<smuggled@example.net>\r\n",
    "RCPT TO:<user@example.org>\r\n",
    "DATA\r\n",
    "BDAT 5 LAST\r\n",
    "QUIT\r\n",
  ],
  ...["text", "Subject: x", "\u00ff", " "],
];

interface Sending {
  readonly by: "DATA" | "BDAT" | "BINARYMIME";
  readonly parts: readonly string[];
  /** Where chunks end, in percent. */
  readonly cuts: readonly number[];
}

const sending: fc.Arbitrary<Sending> = fc.record({
  by: fc.constantFrom("DATA" as const, "BDAT" as const, "BINARYMIME" as const),
  parts: fc.array(fc.constantFrom(...words), { maxLength: 12 }),
  cuts: fc.array(fc.nat(100), { maxLength: 4 }),
});

const HEADER = "Subject: fuzz\r\n\r\n";

const rawOf = ({ by, parts }: Sending): string => `${HEADER}${parts.join("")}${by === "DATA" ? "\r\n" : ""}`;

function wireOf(message: Sending): string {
  const raw = rawOf(message);
  const envelope = `MAIL FROM:<a@example.net>${message.by === "BINARYMIME" ? " BODY=BINARYMIME" : ""}\r\nRCPT TO:<user@example.org>\r\n`;
  if (message.by === "DATA") return `${envelope}DATA\r\n${raw.replaceAll("\r\n.", "\r\n..")}.\r\n`;
  const ends = [...message.cuts.map((percent) => Math.floor((raw.length * percent) / 100)), raw.length].sort(
    (one, other) => one - other,
  );
  let wire = envelope;
  for (const [index, end] of ends.entries()) {
    const chunk = raw.slice(ends[index - 1] ?? 0, end);
    wire += `BDAT ${chunk.length}${index === ends.length - 1 ? " LAST" : ""}\r\n${chunk}`;
  }
  return wire;
}

/** `null`: it must be refused. */
function expectedOf(message: Sending, policy: "reject" | "normalize"): string | null {
  const raw = rawOf(message);
  if (message.by === "BINARYMIME") return raw;
  if (raw.includes("\0")) return null;
  const mended = raw.replace(/\r\n|\r|\n/g, "\r\n");
  return mended === raw || policy === "normalize" ? mended : null;
}

describe.each(["reject", "normalize"] as const)("bare line ends: %s", (policy) => {
  let server: SmtpTestServer;
  beforeAll(async () => {
    server = await smtpTestServer({
      plugins: [fixture],
      config: { limits: { bareLineEnds: policy, errors: 1e9, idleCommands: 1e9 } },
    });
  });
  afterAll(() => server.close());

  it("keeps just the messages that were sent", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sending, { minLength: 1, maxLength: 4 }), fc.nat(), async (messages, seed) => {
        server.accepted.length = 0;
        const client = new MemoryClient(server.serve);
        await client.until(/^220 /);
        const wire = `EHLO x.example\r\n${messages.map(wireOf).join("")}NOOP\r\nQUIT\r\n`;
        for (const chunk of new Random(seed).cut(Buffer.from(wire, "latin1"))) client.send(chunk);
        const said = await client.closed();
        checkReplies(said);
        const expected = messages.map((message) => expectedOf(message, policy)).filter((text) => text !== null);
        expect(server.accepted.map(contentOf)).toEqual(expected);
        for (const { envelope } of server.accepted) expect(envelope.reversePath).toBe("a@example.net");
        // Still in step: NOOP and QUIT are what they are.
        expect(said).toMatch(/\r\n250 2\.0\.0 Ok\r\n221 2\.0\.0 [^\r]*\r\n$/);
      }),
      { numRuns: Number(process.env.FUZZ_RUNS ?? 120) },
    );
  });
});
