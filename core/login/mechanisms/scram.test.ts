import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import type { LoginStep } from "../../contracts/account.ts";
import type { ChannelBindingType } from "../../contracts/session.ts";
import { definePlugin } from "../../kernel/define.ts";
import { proceed, stored } from "../../kernel/verdicts.ts";
import { loginsOf, sessionWith } from "../../testing/login.ts";
import { ScramClient, type ScramClientOptions } from "../../testing/scram-client.ts";
import { saslprep } from "../saslprep.ts";
import { parseClientFinal, parseClientFirst } from "./scram-messages.ts";

// The SCRAM secret is as `doveadm pw -p pencil` printed it.
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  plain: ["{PLAIN}pencil"],
  sha256: [
    "{SCRAM-SHA-256}4096,+S4Onny6azjDT39ZQqZuUA==,l3i9pVmtIeSXOdw1mQGz5YvXQVlu7JNwvHwbHK/R5dk=,KeLAVqtTLYaH9h/yl2iG3M44g6MzH0nuIpD6LKqHofs=",
  ],
  argon: ["{ARGON2ID}$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA"],
  broken: ["{SCRAM-SHA-256}nonsense"],
};

const directory = definePlugin({
  name: "directory-scram",
  api: 1,
  setup: () => ({
    hooks: {
      credentials: ({ login }) => {
        const secrets = SECRETS[login.toLowerCase()];
        return secrets ? stored({ login: login.toLowerCase() }, secrets) : proceed;
      },
    },
  }),
});

const options = {
  offer: { mechanisms: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], cramMd5: false },
};
const started = (more: object = {}) => loginsOf({ plugins: [directory], ...options, ...more });

const DATA: Readonly<Record<ChannelBindingType, Uint8Array>> = {
  "tls-exporter": Buffer.alloc(32, 7),
  "tls-server-end-point": Buffer.alloc(32, 9),
};
const overTls = (has: readonly ChannelBindingType[] = ["tls-exporter", "tls-server-end-point"]) =>
  sessionWith({ tls: { channelBinding: (type: ChannelBindingType) => (has.includes(type) ? DATA[type] : null) } });

type Client = Partial<ScramClientOptions> & { mechanism?: string };

async function play(
  made: Awaited<ReturnType<typeof started>>,
  { mechanism = "SCRAM-SHA-256", ...client }: Client,
  session = sessionWith({}),
): Promise<{ step: LoginStep; challenges: string[]; isGenuine: boolean }> {
  const hash = mechanism.startsWith("SCRAM-SHA-1") ? "sha1" : "sha256";
  const scram = new ScramClient({ hash, login: "plain", password: "pencil", ...client });
  const { step: first, conversation } = await made.logins.begin(session, mechanism, scram.first());
  if (first.at !== "challenge") return { step: first, challenges: [], isGenuine: false };
  const second = await conversation.next(scram.final(first.data));
  const challenges = [Buffer.from(first.data).toString()];
  if (second.at !== "challenge") return { step: second, challenges, isGenuine: false };
  const isGenuine = scram.isServerGenuine(second.data);
  return { step: await conversation.next(new Uint8Array(0)), challenges, isGenuine };
}

describe("SCRAM", () => {
  it.each([
    ["plain", "SCRAM-SHA-256"],
    ["plain", "SCRAM-SHA-1"],
    ["sha256", "SCRAM-SHA-256"],
  ])("a right password of %s by %s, and the server proves itself", async (login, mechanism) => {
    const made = await started();
    const session = sessionWith({});
    const { step, isGenuine } = await play(made, { login, mechanism }, session);
    expect(isGenuine).toBe(true);
    expect(step).toMatchObject({ at: "success", identity: { login } });
    expect(session.identity?.login).toBe(login);
  });

  it.each([
    ["a wrong password", { password: "pen" }],
    ["a wrong password of a SCRAM secret", { login: "sha256", password: "pen" }],
    ["an unknown login", { login: "nobody" }],
    ["nothing stored that fits", { login: "argon" }],
    ["another hash than the stored one", { login: "sha256", mechanism: "SCRAM-SHA-1" }],
  ])("%s fails with the same answer, at the same moment, for the same work", async (_, client) => {
    const made = await started();
    const work: unknown[] = [];
    const listen = (task: unknown) => work.push(task);
    subscribe("postern:hash", listen);
    const session = sessionWith({});
    const { step, challenges } = await play(made, client, session);
    unsubscribe("postern:hash", listen);
    expect(step).toEqual({
      at: "failure",
      cause: "invalid",
      text: "Authentication credentials invalid",
      isTemporary: false,
    });
    expect(challenges[0]).toMatch(/^r=\S+,s=[A-Za-z0-9+/]{22}==,i=4096$/);
    expect(work).toEqual([{ work: `scram ${"mechanism" in client ? "sha1" : "sha256"} 4096` }]);
    expect(session.identity).toBeNull();
    expect(made.told).toEqual([["authFailed", "login" in client ? client.login : "plain", null]]);
  });

  it("an unknown login gets the same salt each time, on every worker, in every spelling; others get another", async () => {
    const secret = Buffer.alloc(32, 1);
    const saltOf = async (made: Awaited<ReturnType<typeof started>>, login: string) =>
      (await play(made, { login })).challenges[0]?.split(",s=")[1];
    const [one, other] = [await started({ secret }), await started({ secret })];
    const salt = await saltOf(one, "nobody");
    expect(await saltOf(other, "nobody")).toBe(salt);
    expect(await saltOf(one, "NOBODY@Example.ORG")).toBe(salt);
    expect(await saltOf(one, "somebody")).not.toBe(salt);
    expect(await saltOf(await started({ secret: Buffer.alloc(32, 2) }), "nobody")).not.toBe(salt);
    // A password in clear has no salt of its own.
    expect(await saltOf(one, "plain")).toBe(await saltOf(other, "PLAIN"));
  });

  it("a secret that cannot be used is temporary, and nobody's failure", async () => {
    const made = await started();
    expect((await play(made, { login: "broken" })).step).toMatchObject({ cause: "unavailable", isTemporary: true });
    expect(made.told).toEqual([]);
  });

  it("acts as another only where the directory allows it", async () => {
    const made = await started();
    expect((await play(made, { authzid: "plain" })).step.at).toBe("success");
    expect((await play(made, { authzid: "root" })).step).toMatchObject({ cause: "invalid" });
  });

  it("is not over before the client has taken the server's signature", async () => {
    const made = await started();
    const session = sessionWith({});
    const scram = new ScramClient({ hash: "sha256", login: "plain", password: "pencil" });
    const { step, conversation } = await made.logins.begin(session, "SCRAM-SHA-256", null);
    expect(step).toEqual({ at: "challenge", data: new Uint8Array(0) });
    const first = await conversation.next(scram.first());
    const second = await conversation.next(scram.final(first.at === "challenge" ? first.data : Buffer.alloc(0)));
    expect(second.at).toBe("challenge");
    expect(session.identity).toBeNull();
    conversation.cancel();
    expect(await conversation.next(Buffer.alloc(0))).toMatchObject({ cause: "cancelled" });
    expect(session.identity).toBeNull();
  });

  it("two conversations at once do not meet", async () => {
    const made = await started();
    const steps = await Promise.all(
      Array.from({ length: 20 }, (_, at) => play(made, { password: at % 2 === 0 ? "pencil" : "pen" })),
    );
    expect(steps.map(({ step }) => step.at)).toEqual(steps.map((_, at) => (at % 2 === 0 ? "success" : "failure")));
  });

  it("is put off when the hash threads have no room, and nobody is blamed", async () => {
    const made = await started({ passwords: { threads: 1, waiting: 1 } });
    const steps = await Promise.all(Array.from({ length: 12 }, () => play(made, {})));
    const ends = steps.map(({ step }) => (step.at === "failure" ? step.cause : step.at));
    expect(ends.filter((end) => end === "unavailable").length).toBeGreaterThan(0);
    expect(new Set(ends)).toEqual(new Set(["success", "unavailable"]));
    expect(made.told.filter(([what]) => what === "authFailed")).toEqual([]);
  });

  it("a message that was heard before is worth nothing", async () => {
    const made = await started();
    const scram = new ScramClient({ hash: "sha256", login: "plain", password: "pencil" });
    const run = async (final?: Buffer) => {
      const { step, conversation } = await made.logins.begin(sessionWith({}), "SCRAM-SHA-256", scram.first());
      const said = final ?? scram.final(step.at === "challenge" ? step.data : Buffer.alloc(0));
      return { said, step: await conversation.next(said) };
    };
    const { said, step } = await run();
    expect(step.at).toBe("challenge");
    expect((await run(said)).step).toMatchObject({ at: "failure", cause: "invalid" });
  });
});

describe("channel binding", () => {
  const exporter = { flag: "p=tls-exporter", data: DATA["tls-exporter"] };
  const endPoint = { flag: "p=tls-server-end-point", data: DATA["tls-server-end-point"] };

  it("-PLUS is offered where the channel can be bound, under TLS only", async () => {
    const { logins } = await started();
    expect(logins.mechanisms(overTls())).toEqual(options.offer.mechanisms);
    expect(logins.mechanisms(overTls([]))).toEqual(["SCRAM-SHA-256", "SCRAM-SHA-1"]);
    expect(logins.mechanisms(sessionWith({}))).toEqual(["SCRAM-SHA-256", "SCRAM-SHA-1"]);
    expect(logins.mechanisms(sessionWith({ address: "192.0.2.1" }))).toEqual([]);
  });

  it.each([
    ["tls-exporter", { binding: exporter }, undefined, "success"],
    ["tls-server-end-point", { binding: endPoint }, undefined, "success"],
    ["SHA-1", { binding: exporter, mechanism: "SCRAM-SHA-1-PLUS" }, undefined, "success"],
    ["data of another connection", { binding: { ...exporter, data: Buffer.alloc(32) } }, undefined, "invalid"],
    ["data of another type", { binding: { ...exporter, data: endPoint.data } }, undefined, "invalid"],
    ["too little data", { binding: { ...exporter, data: Buffer.alloc(0) } }, undefined, "invalid"],
    ["a type that there is not", { binding: { flag: "p=tls-unique", data: Buffer.alloc(12) } }, undefined, "invalid"],
    ["a type that this connection lacks", { binding: exporter }, ["tls-server-end-point"] as const, "invalid"],
    ["none, by a -PLUS mechanism", { binding: { flag: "n" } }, undefined, "invalid"],
    ["y, by a -PLUS mechanism", { binding: { flag: "y" } }, undefined, "invalid"],
    ["p, by a mechanism that is not -PLUS", { binding: exporter, mechanism: "SCRAM-SHA-256" }, undefined, "invalid"],
    // Somebody has taken -PLUS out of the list that we sent.
    ["a downgrade", { binding: { flag: "y" }, mechanism: "SCRAM-SHA-256" }, undefined, "invalid"],
    ["y where nothing can be bound", { binding: { flag: "y" }, mechanism: "SCRAM-SHA-256" }, [] as const, "success"],
    ["n, though it could", { mechanism: "SCRAM-SHA-256" }, undefined, "success"],
  ])("%s", async (_, client, has, expected) => {
    const made = await started();
    const { step } = await play(made, { mechanism: "SCRAM-SHA-256-PLUS", ...client }, overTls(has));
    expect(step.at === "failure" ? step.cause : step.at).toBe(expected);
  });

  it("a header that changes on the way is noticed", async () => {
    const made = await started();
    const scram = new ScramClient({ hash: "sha256", login: "plain", password: "pencil", binding: { flag: "y" } });
    const changed = Buffer.from(scram.first().toString().replace(/^y/, "n"));
    const { step, conversation } = await made.logins.begin(overTls(), "SCRAM-SHA-256", changed);
    const final = scram.final(step.at === "challenge" ? step.data : Buffer.alloc(0));
    expect(await conversation.next(final)).toMatchObject({ cause: "invalid" });
  });
});

describe("messages", () => {
  it("are those of RFC 5802 5 and RFC 7677 3", () => {
    expect(parseClientFirst(Buffer.from("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"))).toMatchObject({
      header: "n,,",
      login: "user",
      nonce: "fyko+d2lbbFgONRv9qkxdawL",
      bare: "n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    });
    expect(
      parseClientFinal(
        Buffer.from(
          "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        ),
      ),
    ).toMatchObject({ nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", binding: Buffer.from("n,,") });
  });

  it.each([
    "",
    "n=user,r=abc",
    "n,n=user,r=abc",
    "x,,n=user,r=abc",
    "p=,,n=user,r=abc",
    "n,b,n=user,r=abc",
    "n,,m=x,n=user,r=abc",
    "n,,n=,r=abc",
    "n,,n=us=er,r=abc",
    "n,,n=us=2cer,r=abc",
    "n,a==,n=user,r=abc",
    "n,,n=user,r=",
    "n,,n=user,r=a b",
    "n,,n=user",
    "n,,r=abc,n=user",
    "n,,n=us\0er,r=abc",
    `n,,n=user,r=${"a".repeat(600)}`,
    `n,,n=${"u".repeat(5000)},r=abc`,
  ])("a first message that is none: %j", async (text) => {
    expect(typeof parseClientFirst(Buffer.from(text))).toBe("string");
    const made = await started();
    const { step } = await made.logins.begin(sessionWith({}), "SCRAM-SHA-256", Buffer.from(text));
    expect(step).toMatchObject({ cause: "malformed" });
  });

  it.each([
    "",
    "c=biws",
    "c=biws,r=abc",
    "r=abc,c=biws,p=AAAA",
    "c=!,r=abc,p=AAAA",
    "c=biws,r=abc,p=AAA",
    "c=biws,r=a,p=AAAA,x=1",
  ])("a final message that is none: %j", (text) => {
    expect(typeof parseClientFinal(Buffer.from(text))).toBe("string");
  });

  it("names are prepared, and may hold commas and equals signs", async () => {
    const seen: string[] = [];
    const spy = definePlugin({
      name: "directory-spy",
      api: 1,
      setup: () => ({
        hooks: {
          credentials: ({ login }) => {
            seen.push(login);
            return proceed;
          },
        },
      }),
    });
    const made = await loginsOf({ plugins: [spy], ...options });
    for (const login of ["a,b=c", "I\u00ADX", "\u2168", "\u00A0x"]) await play(made, { login });
    expect(seen).toEqual(["a,b=c", "IX", "IX", " x"]);
    const { step } = await play(made, { login: "a\u0007b" });
    expect(step).toMatchObject({ cause: "malformed" });
  });
});

describe("SASLprep", () => {
  // RFC 4013 3
  it.each([
    ["I\u00ADX", "IX"],
    ["user", "user"],
    ["USER", "USER"],
    ["\u00AA", "a"],
    ["\u2168", "IX"],
    ["\u0007", null],
    ["\u0627\u0031", null],
    ["\u0627\u0031\u0628", "\u0627\u0031\u0628"],
    ["\u0627a\u0628", null],
    ["a\u00A0b\u3000c", "a b c"],
    ["p\u00e4ss\uFE0F", "p\u00e4ss"],
    ["pa\u0308ss", "p\u00e4ss"],
    ["\uE000", null],
    ["\uFFFD", null],
    ["\u{E0041}", null],
    ["\uD800", null],
    ["\u{1F511}", "\u{1F511}"],
    ["", ""],
  ])("%j is %j", (text, expected) => {
    expect(saslprep(text)).toBe(expected);
  });
});
