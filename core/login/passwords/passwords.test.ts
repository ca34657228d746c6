import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { hashSync } from "@node-rs/argon2";
import bcrypt from "bcryptjs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../../testing/manual-clock.ts";
import { Decoys } from "./decoys.ts";
import { HashPool, type HashPoolOptions } from "./hash-pool.ts";
import { Passwords, type PasswordsOptions } from "./passwords.ts";
import { RecentSuccesses } from "./recent-successes.ts";
import { parseSecret } from "./scheme.ts";
import { shaCrypt } from "./sha-crypt.ts";

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

function passwords(options: Partial<PasswordsOptions> = {}): Passwords {
  const made = new Passwords({ clock: Date, rememberMs: 0, threads: 1, ...options });
  closing.push(made);
  return made;
}

function pool(options: HashPoolOptions) {
  const made = new HashPool(options);
  closing.push(made);
  const check = (password: string, secret: string) => made.run({ do: "verify", password, secret });
  return { check, close: () => made.close() };
}

/** For tests that ask for nothing special: starting a thread takes its time. */
const common = new Passwords({ clock: Date, rememberMs: 0, threads: 1 });
afterAll(() => common.close());

const PASSWORD = "päss wörd";
const SSHA256_HEX = "{SSHA256.HEX}abd3f647cacad2da4b116509ffd4e14aab96a55dc9f8519f1c5eb2decf862b97da337eec";

/** As `doveadm pw -p "päss wörd"` printed them. */
const fromDovecot = [
  "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$ogLLUl3kQyvT2DcHN3eZyQ$W0rlRwBahGOFZb6nQREu9WHNHpSsFtprtJ0fcT2hj98",
  "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$U6vjZLKcnmCNi643pcQbpg$oZOVq87JXW9WFzYu5Xn19QJQ/e91cvcCmuLdFS7DQkc",
  "{BLF-CRYPT}$2y$05$4eazZUqZay13/y2saGvQR..FW3oFtEh0nS3uTqNo2Hx7TF2C94Vn6",
  "{SHA512-CRYPT}$6$dgWuvOP3xNvjrnLO$m9FkdQcwbvnVn1upleytmq5EMnc/VcUSCBtC83v4reGMk5c0dGRKiGfRysux1jmHhF9Ke5K3sY.7gQK4MrYzW0",
  "{SHA256-CRYPT}$5$pLl2jexZTiQ1FWeX$Ch/wxtkCVcLc3XF/QIppZHpCQsfdYGGfnE76KSsY6o/",
  "{SSHA}BeAdRYzjB8Kpmjn1s0W7qyWupCY5TM2V",
  "{SSHA256}cnbd/F7cT2T7WtTi/UiAfxURuDoYD1w2UJyir1qTBXibSA3U",
  "{SSHA512}cH5dO3SX5sSbBhSS67TEE+cksIIUQR03azTh5JHkpNpXAGwPyfaSrwlcs/k1Vwv2b5LMZRG8VFXBY/AI0gdfTuq4b3E=",
  "{SHA256}nZeOKZw+IphR1Bgwa5CX4YW3jBofBqPGXszHb5xN75k=",
  "{SHA512}wPSLvqJa09dVpu1yACeVU+xsmRLkw8NS+HnXqihn8FjsLrCFi3LTzyVZvUP6Rejv6swr/Ao2OINvzQwmYVvwDg==",
  "{SHA}/i4CfWuUyOmLaC9O8e9k/TBfbK8=",
  "{PLAIN}päss wörd",
  SSHA256_HEX,
  "{SHA1}/i4CfWuUyOmLaC9O8e9k/TBfbK8=",
  "{PBKDF2}$1$J/Wm7GVGu3kdr8zX$5000$b7dc4489ae8f01a0b3071746b9055d5b6013153f",
  "{SCRAM-SHA-256}4096,8e1GNOY+p1JRliJPrXYHxA==,dBeWKY/1ZAEzTiM9X4haBvwXT9IfW1lzLqrnGPVmEes=,wltwpzGHBuHFSXRAwhkyKtDpx+LuYTUImxBAeVj3Br8=",
  "{SCRAM-SHA-1}4096,1zwW0eGuDWP1jLpASwFw/A==,8OtarhOeJt6uNUBvRdwCTl4uifw=,vI/iZJ5YS5LGZu91EbC6t9pSiN4=",
  "{SMD5}CdsLogEzpsgqMXHhwnROKc+/Hh0=",
  "{LDAP-MD5}dXVbOF+Z2Dhtyx7XTnx1JQ==",
  "{PLAIN-MD5}75755b385f99d8386dcb1ed74e7c7525",
  "{CLEAR}päss wörd",
  "{PLAIN.B64}cMOkc3Mgd8O2cmQ=",
  "{SSHA.HEX}31993887b2649ad82b8d87009e25fbadbb79265f5daafe78",
  "{SHA256.B64}nZeOKZw+IphR1Bgwa5CX4YW3jBofBqPGXszHb5xN75k=",
  "{PBKDF2.B64}JDEkNjVqV2ZxdGguVzhKQ3JDcCQ1MDAwJDY3MDkyODI4NGMxNGEyNjkyMTJkZTA4ZmZmOGMwY2Q2YTg3NjNlMTg=",
  "{SHA512-CRYPT.B64}JDYkOVRzZUYuUVZKMmJ0T0tGbyQ4R3JNL0F5WUovWEFxUFIuV1V2N3FpMzZIMlRQU2p4Qm1mb2pqMFlxaVgxdlJnNy9mZjYwSk04ZjZmVTR2Yk1teS5GS1RSY200b1BiTFNwMlMuZTdvMA==",
  "{SCRAM-SHA-256.HEX}343039362c523461626b667a7a61754162304a45644a6c766935773d3d2c4163764c536b47532b57517575487a45696763565851514b6f4765683470754e54785147724a57645649773d2c335a5933494e7a4e412b7a76366462364d57716b367955762b534b394f53776956322f6a4a675a356a724d3d",
  "{BLF-CRYPT.HEX}24327924303524624c697143525a2f32305432775a567073705863566546437a6133796469456752476e537943423456334238344e72713447566547",
];

describe("stored passwords", () => {
  it.each([
    ...fromDovecot,
    "{CRYPT}$6$dgWuvOP3xNvjrnLO$m9FkdQcwbvnVn1upleytmq5EMnc/VcUSCBtC83v4reGMk5c0dGRKiGfRysux1jmHhF9Ke5K3sY.7gQK4MrYzW0",
    "$5$pLl2jexZTiQ1FWeX$Ch/wxtkCVcLc3XF/QIppZHpCQsfdYGGfnE76KSsY6o/",
    "{ssha.b64}BeAdRYzjB8Kpmjn1s0W7qyWupCY5TM2V",
    "{cleartext}päss wörd",
  ])("fit the right password and no other: %s", async (secret) => {
    const check = common;
    expect(await check.check("anna", PASSWORD, [secret])).toMatchObject({ at: "right" });
    expect(await check.check("anna", `${PASSWORD} `, [secret])).toEqual({ at: "wrong" });
    expect(await check.check("anna", "", [secret])).toEqual({ at: "wrong" });
  });

  // As crypt(3) of glibc makes them: short and long passwords, rounds, a salt that is too long, none at all.
  it.each([
    [
      "Hello world!",
      "$6$rounds=1000$saltstringsaltst$Y.wiJpF2BZ6guMz15deos0ztCanM.JnsjeF/8nuaIh5xtCv52yyDujJKkgLElgDE9Wt4JK2JM5wE7NH1/y9gX.",
    ],
    [
      "Hello world!",
      "$6$rounds=1000$saltstringsaltstring$Y.wiJpF2BZ6guMz15deos0ztCanM.JnsjeF/8nuaIh5xtCv52yyDujJKkgLElgDE9Wt4JK2JM5wE7NH1/y9gX.",
    ],
    ["Hello world!", "$5$rounds=1234$saltstringsaltst$YVWnt5UNLIojvd8MeM.yizitiReNxLWe5z1Gvspv0o/"],
    [
      "x".repeat(150),
      "$6$rounds=1000$s$aeY9ngjEbQOpgv23YBwae.cJuSWHbijgkIUWQ6L1nMOHXWkHosTmkrZkTUuAb/0MhTXXDCyC4v3g.4i6BZsWr0",
    ],
    ["y".repeat(100), "$5$rounds=1000$salt$.j3oYDzheltKELpXf0668BV3wXHj/wlGsdbhruYNYNA"],
    ["", "$6$rounds=1000$abc$noBronbzNMcAtG61/dMHzc1H.fuLjHArF9.wCx8LbkVDMMEuChQCPee28tiPcXHL/CMNpCqo6OPTyoEpoCMsY/"],
    ["p", "$5$$BL2i3WpLL1cUCWPdJBi8D9cwMSvfo1hUzP65LRwe9u3"],
  ])("of SHA-crypt for %j", (password, data) => {
    const secret = parseSecret(data);
    if (!secret) throw new Error("not recognised");
    expect(shaCrypt.verify(password, secret)).toBe(true);
    expect(shaCrypt.verify(`${password}x`, secret)).toBe(false);
  });

  it("may be several: any of them will do", async () => {
    const check = common;
    const secrets = ["{PLAIN}one", "{MD5-CRYPT}$1$x$y", "{PLAIN}two"];
    expect(await check.check("anna", "two", secrets)).toMatchObject({ at: "right" });
    expect(await check.check("anna", "three", secrets)).toMatchObject({ at: "unavailable" });
  });

  it.each([
    "{MD5-CRYPT}$1$salt$hash",
    "hunter2",
    "",
    "{}hunter2",
    "{SSHA.ROT13}hunter2",
    "{ARGON2ID}hunter2",
    "{BLF-CRYPT}hunter2",
    "{SHA512-CRYPT}hunter2",
    "{SSHA}hunter2",
    "{SSHA256.HEX}hunter2",
    "{SHA256}BeAdRYzjB8Kpmjn1s0W7qyWupCY5TM2V",
    "{CRYPT}$1$salt$hash",
  ])("that cannot be used fit nothing, not even themselves, and are not shown: %j", async (secret) => {
    const check = common;
    for (const password of [secret, "hunter2", ""]) {
      const answer = await check.check("anna", password, [secret]);
      expect(answer).toMatchObject({ at: "unavailable", isFaulty: true });
      expect(JSON.stringify(answer)).not.toContain("hunter2");
    }
  });
});

const cheap = (password: string) => `{ARGON2ID}${hashSync(password, { memoryCost: 64, timeCost: 1, parallelism: 1 })}`;
const dear = `{BLF-CRYPT}${bcrypt.hashSync("x", 8)}`;

describe("the hash pool", () => {
  it("leaves the thread that serves clients free", async () => {
    const check = pool({ threads: 1 });
    await check.check("warm", dear);
    let hasEnded = false;
    const checks = Promise.all(Array.from({ length: 5 }, () => check.check("wrong", dear))).then(() => {
      hasEnded = true;
    });
    // Clients have their turn between the start and the end of the work.
    await new Promise(setImmediate);
    expect(hasEnded).toBe(false);
    await checks;
  });

  it("keeps a bound on what waits, and says not now beyond it", async () => {
    const check = pool({ threads: 1, waiting: 2 });
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => check.check("wrong", dear)));
    expect(answers.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
    ]);
    expect(answers[4]).toMatchObject({ reason: { code: "HASH_POOL_BUSY" } });
    expect(await check.check("x", dear)).toBe(true);
  });

  it("answers each check with its own result", async () => {
    const check = pool({ threads: 2 });
    const secrets = Array.from({ length: 12 }, (_, at) => cheap(`p${at}`));
    const answers = await Promise.all(secrets.map((secret, at) => check.check(at % 3 ? `p${at}` : "wrong", secret)));
    expect(answers).toEqual(secrets.map((_, at) => at % 3 !== 0));
  });

  it("rejects what waits when it is closed, and takes nothing more", async () => {
    const check = pool({ threads: 1 });
    const answers = Promise.allSettled([check.check("x", dear), check.check("x", dear)]);
    await check.close();
    expect((await answers).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(check.check("x", dear)).rejects.toMatchObject({ code: "HASH_POOL_BUSY" });
  });
});

describe("decoys", () => {
  it("are the same for the same login, and cost what real ones do", () => {
    const decoys = new Decoys();
    expect(decoys.for("nobody")).toBe(decoys.for("nobody"));
    expect(decoys.for("nobody")).toMatch(/^\{ARGON2ID\}\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    decoys.learn(dear);
    decoys.learn(dear.replace(/.$/, "a"));
    expect(decoys.for("nobody")).toBe(dear);
    decoys.learn("{NEVER-HEARD}x");
    expect(decoys.for("somebody")).toBe(dear);
  });

  it("remember a bounded number of kinds", () => {
    const decoys = new Decoys();
    const kinds = Array.from({ length: 100 }, (_, at) => `$6$rounds=${1000 + at}$salt$hash`);
    for (const kind of kinds) decoys.learn(kind);
    const drawn = new Set(Array.from({ length: 2_000 }, (_, at) => decoys.for(`user${at}`)));
    expect(drawn.size).toBe(16);
  });

  it("let nobody in, even with the password that they are made of", async () => {
    const check = passwords();
    const secret = cheap("right");
    expect(await check.check("anna", "right", [secret])).toMatchObject({ at: "right" });
    expect(await check.pretend("nobody", "right")).toEqual({ at: "wrong" });
    expect(await check.check("nobody", "right", [])).toEqual({ at: "wrong" });
  });

  it("do the work of a real check: the same hashes at the same cost", async () => {
    const check = passwords();
    const done = await workOf(() => check.check("anna", "wrong", [dear]));
    expect(done).toEqual(["verify BLF-CRYPT 08"]);
    expect(await workOf(() => check.pretend("nobody", "wrong"))).toEqual(done);
    expect(await workOf(() => check.check("nobody", "wrong", []))).toEqual(done);
  });
});

/** What the hash pool was asked to do meanwhile. */
async function workOf(act: () => Promise<unknown>): Promise<string[]> {
  const done: string[] = [];
  const listen = (task: unknown) => done.push((task as { work: string }).work);
  subscribe("postern:hash", listen);
  try {
    await act();
  } finally {
    unsubscribe("postern:hash", listen);
  }
  return done;
}

describe("recent successes", () => {
  const made = (entries = 100) => {
    const clock = manualClock();
    return { clock, recent: new RecentSuccesses({ clock, ttlMs: 1_000, entries }) };
  };

  it("hold for the same login, password and secret, for a while", () => {
    const { clock, recent } = made();
    recent.add("anna", "pw", "secret");
    expect(recent.has("anna", "pw", "secret")).toBe(true);
    expect(recent.has("anna", "other", "secret")).toBe(false);
    expect(recent.has("bob", "pw", "secret")).toBe(false);
    clock.advance(1_001);
    expect(recent.has("anna", "pw", "secret")).toBe(false);
  });

  it("are void when the stored secret has changed, also when it changes back", () => {
    const { recent } = made();
    recent.add("anna", "pw", "secret");
    expect(recent.has("anna", "pw", "changed")).toBe(false);
    expect(recent.has("anna", "pw", "secret")).toBe(false);
  });

  it("are bounded: the oldest go", () => {
    const { recent } = made(2);
    for (const login of ["a", "b", "c"]) recent.add(login, "pw", "s");
    expect(["a", "b", "c"].map((login) => recent.has(login, "pw", "s"))).toEqual([false, true, true]);
  });

  it("spare the hash, and only for the right password", async () => {
    const check = passwords({ rememberMs: 60_000, waiting: 1 });
    expect(await check.check("anna", "x", [dear])).toMatchObject({ at: "right" });
    const again = async () => {
      for (let at = 0; at < 200; at++) expect(await check.check("anna", "x", [dear])).toMatchObject({ at: "right" });
    };
    expect(await workOf(again)).toEqual([]);
    expect(await check.check("anna", "y", [dear])).toEqual({ at: "wrong" });
    expect(await check.check("anna", "x", [dear.replace(/.$/, (last) => (last === "a" ? "b" : "a"))])).toEqual({
      at: "wrong",
    });
  });
});
