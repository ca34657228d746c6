/**
 * What hostile clients do, made from a seed. Each plan offers at most one message of its own, named by its number; whatever else
 * of it is kept has been smuggled.
 */
import type { Random } from "./random.ts";

export type Step =
  | { readonly do: "send"; readonly octets: Buffer; readonly inPieces?: boolean }
  /** Waits for a reply with this beginning; any other ends the session. */
  | { readonly do: "expect"; readonly code: string }
  | { readonly do: "stop reading" | "read on" }
  | { readonly do: "wait"; readonly ms: number }
  /** Shakes hands, for a part or for good. */
  | { readonly do: "tls" }
  | { readonly do: "end" | "reset" };

export interface Plan {
  readonly kind: string;
  readonly steps: readonly Step[];
  /** Octets that only a second message would have. */
  readonly ownSender: string;
}

const send = (text: string | Buffer, inPieces = false): Step => ({
  do: "send",
  octets: typeof text === "string" ? Buffer.from(text, "latin1") : text,
  inPieces,
});
const expect = (code: string): Step => ({ do: "expect", code });

const noise = (random: Random, most: number): Buffer =>
  Buffer.from(Array.from({ length: random.below(most) }, () => random.below(256)));

const ends = [
  "\n.\n",
  "\n.\r\n",
  "\r\n.\n",
  "\r.\r",
  "\r\n.\r",
  "\r.\r\n",
  "\r\r\n.\r\r\n",
  "\r\n\0.\r\n",
  "\r\n.\0\r\n",
  "\r\n..\r\n",
];
const SMUGGLED = "MAIL FROM:<smuggled@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\n";

const greeting = (random: Random): readonly Step[] => [
  ...(random.chance(0.9) ? [expect("220")] : []),
  send(`${random.pick(["EHLO", "EHLO", "HELO", "ehlo"])} x.example\r\n`),
  expect("250"),
];

const envelope = (sender: string, more = ""): readonly Step[] => [
  send(`MAIL FROM:<${sender}>${more}\r\n`),
  expect("250"),
  send("RCPT TO:<user@example.org>\r\n"),
  expect("250"),
];

const opened = (random: Random, sender: string, more = ""): readonly Step[] => [
  ...greeting(random),
  ...envelope(sender, more),
];

type Maker = (random: Random, sender: string) => readonly Step[];

const makers: Readonly<Record<string, Maker>> = {
  "broken verbs": (random) => {
    const verbs = [
      "MAIL",
      "RCPT TO",
      "DATA x",
      "EHLO",
      "HELO \0",
      "STARTTLS",
      "AUTH",
      "BDAT",
      "VRFY",
      "\x80\xff",
      "",
      " ",
      "RSET x",
      "MAIL FROM:<",
      "TURN",
      "XCLIENT",
      "NOOP",
    ];
    const lines = Array.from(
      { length: 1 + random.below(60) },
      () => random.pick(verbs) + random.pick(["\r\n", "\n", "\r", "\r\n", "\r\n\r\n"]),
    );
    return [send(lines.join(""), random.chance(0.3))];
  },
  "smuggled ends": (random, sender) => {
    const end = random.pick(ends);
    return [
      ...opened(random, sender),
      send("DATA\r\n"),
      expect("354"),
      send(`Subject: outer\r\n\r\nbody${end}${SMUGGLED}inner${random.pick(ends)}\r\n.\r\n`, random.chance(0.3)),
      send("QUIT\r\n"),
    ];
  },
  "smuggled in chunks": (random, sender) => {
    const content = `Subject: outer\r\n\r\nbody${random.pick([...ends, "\r\n.\r\n"])}${SMUGGLED}inner\r\n.\r\n`;
    const cut = random.below(content.length);
    return [
      ...opened(random, sender, random.chance(0.3) ? " BODY=BINARYMIME" : ""),
      send(
        `BDAT ${cut}\r\n${content.slice(0, cut)}BDAT ${content.length - cut} LAST\r\n${content.slice(cut)}`,
        random.chance(0.3),
      ),
      send("QUIT\r\n"),
    ];
  },
  "refused chunks": (random) => [
    ...greeting(random),
    ...Array.from({ length: 1 + random.below(5) }, () =>
      send(`BDAT ${SMUGGLED.length}${random.pick(["", " LAST", " NEXT"])}\r\n${SMUGGLED}`),
    ),
    send("NOOP\r\n"),
  ],
  "chunks that lie": (random, sender) => [
    ...opened(random, sender),
    send(`BDAT ${random.pick(["10000", "99999999999999999", "-1", "1e3", "50000000", "2 LAST"])}\r\n`),
    send(noise(random, 5000)),
    random.chance(0.5) ? { do: "reset" } : { do: "end" },
  ],
  "half TLS": (random) => [
    ...greeting(random),
    send("STARTTLS\r\n"),
    expect("220"),
    ...(random.chance(0.5)
      ? [send(Buffer.from([22, 3, 1, random.below(256), random.below(256), 1, 0, 0]))]
      : [send(noise(random, 400))]),
    random.chance(0.5) ? { do: "reset" } : { do: "wait", ms: random.below(20) },
  ],
  "commands before TLS": (random, sender) => [
    ...greeting(random),
    // RFC 3207: what comes in one packet with STARTTLS was said in clear
    send(`STARTTLS\r\n${SMUGGLED}smuggled\r\n.\r\n`),
    expect("220"),
    { do: "tls" },
    send(`EHLO x.example\r\n`),
    expect("250"),
    ...envelope(sender),
    send("DATA\r\n"),
    expect("354"),
    send("Subject: under TLS\r\n\r\nx\r\n.\r\nQUIT\r\n"),
  ],
  "leaves in the middle": (random, sender) => {
    const whole = `EHLO x.example\r\nMAIL FROM:<${sender}>\r\nRCPT TO:<user@example.org>\r\nDATA\r\nSubject: x\r\n\r\n${"line\r\n".repeat(random.below(2000))}.\r\nQUIT\r\n`;
    return [
      ...(random.chance(0.5) ? [expect("220")] : []),
      send(whole.slice(0, random.below(whole.length + 1)), random.chance(0.2)),
      ...(random.chance(0.5) ? [{ do: "wait", ms: random.below(5) } as const] : []),
      random.chance(0.7) ? { do: "reset" } : { do: "end" },
    ];
  },
  "reads nothing": (random) => [
    expect("220"),
    { do: "stop reading" },
    send("HELP\r\n".repeat(2000 + random.below(20_000))),
    { do: "wait", ms: random.below(30) },
    ...(random.chance(0.3) ? [{ do: "read on" } as const] : []),
    { do: "reset" },
  ],
  "floods a line": (random) => [
    send(Buffer.alloc(1000 + random.below(500_000), random.pick(["x", "\r", "\n", ".", "\0", "A "]))),
    { do: "end" },
  ],
  "body of dots": (random, sender) => [
    ...opened(random, sender),
    send("DATA\r\n"),
    expect("354"),
    send("Subject: dots\r\n\r\n"),
    send(random.pick(["..\r\n", ".x\r\n", "\r\n.", "....\r\n"]).repeat(random.below(30_000))),
    send("\r\n.\r\nQUIT\r\n"),
  ],
  "too large": (random, sender) => [
    ...opened(random, sender),
    send("DATA\r\n"),
    expect("354"),
    send("x".repeat(200_000 + random.below(400_000))),
    send("\r\n.\r\nQUIT\r\n"),
  ],
  "another protocol": (random) => [
    send(
      random.pick([
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /MAIL HTTP/1.1\r\n\r\nEHLO x\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "a1 LOGIN x y\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "SSH-2.0-x\r\n",
      ]),
    ),
    send(`EHLO x\r\n${SMUGGLED}x\r\n.\r\n`.slice(0, random.chance(0.5) ? 8 : 0)),
  ],
  noise: (random) => [
    send(noise(random, 20_000), random.chance(0.2)),
    random.chance(0.5) ? { do: "reset" } : { do: "end" },
  ],
  "endless login": (random) => [
    ...greeting(random),
    send("AUTH LOGIN\r\n"),
    send(`${"A".repeat(random.below(20_000))}\r\n`.repeat(1 + random.below(4))),
    { do: "end" },
  ],
  honest: (random, sender) => [
    ...opened(random, sender),
    ...(random.chance(0.5)
      ? [
          send("DATA\r\n"),
          expect("354"),
          send("Subject: honest\r\n\r\nhello\r\n.\r\n", random.chance(0.3)),
          expect("250"),
        ]
      : [send("BDAT 25\r\nSubject: honest\r\n\r\nhello\r"), send("BDAT 1 LAST\r\n\n"), expect("250")]),
    send("QUIT\r\n"),
  ],
};

const kinds = Object.keys(makers);

export function planOf(random: Random, number: number): Plan {
  const kind = kinds[number % kinds.length] ?? "honest";
  const ownSender = `s${number}@example.net`;
  return { kind, ownSender, steps: makers[kind]?.(random, ownSender) ?? [] };
}
