/** `postern queue`, with a queue that runs in this process and on the files of one that does not. */
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueueDesk } from "../app/queue-desk.ts";
import type { QueueActions } from "../contracts/queue-actions.ts";
import type { SpoolEntry } from "../contracts/spool.ts";
import { openControl } from "../control/serve.ts";
import { jsonLine } from "../kernel/json-line.ts";
import { amend, proceed, quarantine } from "../kernel/verdicts.ts";
import { spoolActions } from "../queue/spool-actions.ts";
import { openSpool } from "../spool/open-spool.ts";
import { keptLog } from "../testing/kernel.ts";
import { type MailFlow, openingOf, openMailFlow, sendText } from "../testing/mail-flow.ts";
import { hooksPlugin, openRelay, outcomes, recording } from "../testing/mail-plugins.ts";
import { run } from "./program.ts";

const closing: (() => unknown)[] = [];
let site: string;
let slot: string;

beforeEach(async () => {
  site = await mkdtemp(join(tmpdir(), "postern-cli-queue-"));
  slot = join(site, "data", "spool", "0");
  closing.push(() => rm(site, { recursive: true, force: true }));
  await mkdir(join(site, "data", "spool"), { recursive: true });
  await writeFile(
    join(site, "postern.config.yaml"),
    "hostname: mx.example.org\ndataDir: data\nworkers: 1\nlisteners: [{ role: mx, host: 127.0.0.1, port: 0 }]\nplugins: [deliver-smtp]\n",
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function queue(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([text(out), text(err)]);
  const code = await run(["queue", ...args], { out, err, in: Readable.from([]), cwd: site });
  out.end();
  err.end();
  const [said, complained] = await texts;
  return { code, out: said, err: complained };
}

/** Sets aside what comes from `odd`, and holds what comes from `slow`. */
const holding = hooksPlugin(
  {
    message({ reversePath }) {
      if (reversePath?.localPart === "odd") return quarantine("looks odd");
      return reversePath?.localPart === "slow" ? amend({ op: "hold", reason: "too many at once" }) : proceed;
    },
  },
  "test-holding",
);

/** A queue where nothing gets through, with a message from each of these senders to `<name>@example.net`. */
async function deferring(...senders: readonly string[]): Promise<{ flow: MailFlow; ids: readonly string[] }> {
  const { plugin } = recording((address) =>
    address.startsWith("dead") ? outcomes.failed : address.startsWith("box") ? outcomes.delivered : outcomes.deferred,
  );
  const flow = await openMailFlow({ plugins: [openRelay, holding, plugin] });
  closing.push(() => flow.close());
  const ids: string[] = [];
  for (const from of senders) {
    const { submitted } = await sendText(flow, {
      opening: openingOf({ from }),
      to: [`to-${from.split("@")[0]}@example.net`],
    });
    if (submitted.at === "queued") ids.push(submitted.id);
  }
  await flow.quiet();
  return { flow, ids };
}

/** That queue, answering on its control socket. */
async function running(...senders: readonly string[]) {
  const made = await deferring(...senders);
  const { flow } = made;
  await symlink(join(flow.directory, "spool"), slot);
  const desk = await openQueueDesk({ ...flow, slotDirectory: slot });
  closing.push(() => desk?.close());
  return made;
}

/** The files that it leaves behind. */
async function stopped(...senders: readonly string[]) {
  const { flow, ids } = await deferring(...senders);
  await flow.crash();
  await symlink(join(flow.directory, "spool"), slot);
  const entry = async (id: string): Promise<SpoolEntry | null> => {
    const spool = await openSpool({ dir: slot, log: keptLog().log, clock: flow.clock });
    try {
      return await spool.read(id);
    } finally {
      await spool.close();
    }
  };
  return { ids, entry };
}

const three = ["ann@example.org", "bob@example.org", "eve@example.com"] as const;

describe.each([
  ["of a queue that runs", running],
  ["of a queue that has stopped", stopped],
] as const)("postern queue %s", (_, open) => {
  it("lists what waits: as a table, as ids, as JSON", async () => {
    const { ids } = await open(...three);
    const table = await queue("list");
    expect(table).toMatchObject({ code: 0, err: "" });
    for (const id of ids) expect(table.out).toContain(id);
    expect(table.out).toMatch(/^ID +STATE +SIZE +AGE +NEXT TRY +TRIES +SENDER +RECIPIENTS\n/);
    expect(table.out).toContain("3 messages");
    expect((await queue("list", "-q")).out.trim().split("\n").sort()).toEqual([...ids].sort());
    const parsed = (await queue("list", "--json")).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(parsed.map(({ reversePath }) => reversePath).sort()).toEqual([...three]);
    expect(parsed[0]).toMatchObject({ state: "waiting", attempts: 1, hold: null, openCount: 1 });
    expect((await queue("list", "-q", "--limit", "2")).out.trim().split("\n").length).toBe(2);
  });

  it("lists what a filter means", async () => {
    const { ids } = await open(...three);
    expect((await queue("list", "-q", "--sender", "*@example.com")).out).toBe(`${ids[2]}\n`);
    expect((await queue("list", "-q", "--recipient", "to-bob@*")).out).toBe(`${ids[1]}\n`);
    expect((await queue("list", "-q", "--state", "held")).out).toBe("");
    expect((await queue("list", "--sender", "nobody")).out).toBe("The queue is empty.\n");
  });

  it("lists what a plugin has put off or holds, and not what the administrator holds now", async () => {
    const { ids } = await open("ann@example.org", "odd@example.org", "slow@example.org");
    const [deferred = "", odd = "", slow = ""] = ids;
    const lines = (said: { readonly out: string }) => said.out.trim().split("\n").sort();
    expect(lines(await queue("list", "-q", "--plugin", "test-delivering"))).toEqual([deferred]);
    expect(lines(await queue("list", "-q", "--plugin", "test-holding"))).toEqual([odd, slow].sort());
    expect(JSON.parse((await queue("list", "--json", "--plugin", "test-delivering")).out)).toMatchObject({
      id: deferred,
      by: "test-delivering",
    });
    await queue("hold", deferred, odd, "--yes", "--reason", "to be looked at");
    expect(lines(await queue("list", "-q", "--plugin", "test-delivering"))).toEqual([""]);
    expect(lines(await queue("list", "-q", "--plugin", "test-holding"))).toEqual([slow]);
    await queue("release", deferred);
    expect((await queue("list", "-q", "--plugin", "nobody")).out).toBe("");
  });

  it("shows one message, and its content byte for byte", async () => {
    const { ids } = await open("ann@example.org");
    const [id = ""] = ids;
    const shown = await queue("show", id);
    expect(shown.out).toContain("Sender:      ann@example.org");
    expect(shown.out).toContain("to-ann@example.net: deferred");
    expect(JSON.parse((await queue("show", id, "--json")).out)).toMatchObject({
      envelope: { id },
      queueState: "waiting",
    });
    expect((await queue("show", id, "--content")).out).toMatch(/^Received: [\s\S]*\r\n\r\n/);
    const unknown = await queue("show", "nosuchid");
    expect(unknown.code).toBe(65);
    expect(unknown.err).toContain("there is no message");
  });

  it("holds, releases and deletes", async () => {
    const { ids } = await open(...three);
    const [first = "", second = ""] = ids;
    expect(await queue("hold", first, "--reason", "looks odd")).toMatchObject({ code: 0, out: "1 message held\n" });
    expect((await queue("list", "--state", "held")).out).toContain("looks odd");
    expect((await queue("release", first)).code).toBe(0);
    expect((await queue("list", "-q", "--state", "held")).out).toBe("");
    expect((await queue("delete", second)).out).toBe("1 message deleted\n");
    expect((await queue("list", "-q")).out).not.toContain(second);
    const again = await queue("delete", second);
    expect(again.code).toBe(1);
    expect(again.err).toBe(`${second}: no such message, or not any more\n`);
  });

  it("does not say of a held message that it is tried", async () => {
    const { ids } = await open("ann@example.org");
    const [id = ""] = ids;
    await queue("hold", id);
    expect(await queue("flush", id)).toMatchObject({ code: 1, err: `${id}: it is held; release it first\n` });
    expect((await queue("flush", "--sender", "ann@*", "--yes")).out).toBe("0 messages tried now\n");
    expect((await queue("list", "-q", "--state", "held")).out).toBe(`${id}\n`);
  });

  it("does to many only what was meant", async () => {
    await open(...three);
    expect((await queue("delete")).err).toContain("delete what?");
    const asked = await queue("delete", "--sender", "*@example.org");
    expect(asked).toMatchObject({ code: 64, out: "" });
    expect(asked.err).toContain("delete 2 messages? Say --yes");
    expect((await queue("delete", "--sender", "*@example.org", "--yes")).out).toBe("2 messages deleted\n");
    expect((await queue("hold", "--all", "--yes")).out).toBe("1 message held\n");
    expect((await queue("release", "--all", "--yes", "-q")).out.trim().split("\n").length).toBe(1);
  });
});

describe("actions of a queue that runs", () => {
  it("tries again at once: one, or all", async () => {
    const { flow, ids } = await running(...three);
    const [first = ""] = ids;
    expect((await queue("flush", first)).code).toBe(0);
    await flow.quiet();
    expect((await flow.spool.read(first))?.state.attempts).toBe(2);
    expect((await queue("flush", "--all")).out).toBe("everything that waits is tried now\n");
    await flow.quiet();
    for (const id of ids) expect((await flow.spool.read(id))?.state.attempts).toBe(id === first ? 3 : 2);
    expect((await queue("requeue", first)).code).toBe(0);
    await flow.quiet();
    expect((await flow.spool.read(first))?.state.attempts).toBe(1);
  });

  it("gives back with the text of the administrator", async () => {
    const { flow, ids } = await running("box@example.net");
    expect((await queue("bounce", ids[0] ?? "", "--reason", "We close.")).out).toBe("1 message given back\n");
    await flow.quiet();
    expect((await queue("list", "-q")).out).toBe("");
    expect(flow.lines.some(({ text: said }) => said === "report sent")).toBe(true);
  });
});

describe("actions on the files of a queue that has stopped", () => {
  it("are what the next start finds", async () => {
    const { ids, entry } = await stopped(...three);
    const [first = "", second = "", third = ""] = ids;
    await queue("hold", first);
    await queue("flush", second);
    await queue("bounce", third, "--reason", "We\r\nclose.");
    expect((await entry(first))?.envelope.hold).toBe("held by the administrator");
    expect((await entry(second))?.state.dueAt).toBe(0);
    expect((await entry(third))?.state.outcomes[1]).toMatchObject({ at: "failed", reply: { text: "We close." } });
  });
});

it.runIf(process.getuid?.() === 0)(
  "as root, on several stopped spools: what is written is the server's user's",
  async () => {
    const nobody = 65_534;
    const { ids } = await stopped("ann@example.org");
    const [id = ""] = ids;
    const spools = join(site, "data", "spool");
    await cp(await realpath(slot), join(spools, "1"), { recursive: true });
    await rm(slot);
    await cp(join(spools, "1"), slot, { recursive: true });
    for (const path of [site, join(site, "data"), spools]) await chmod(path, 0o755);
    const everything = async () => [
      ...["0", "1"],
      ...(await readdir(spools, { recursive: true })).filter((name) => name.includes("/")),
    ];
    for (const name of await everything()) await chown(join(spools, name), nobody, nobody);
    expect(await queue("hold", id)).toMatchObject({ code: 0, err: "" });
    expect((await queue("list", "-q")).out).toBe(`${id}\n${id}\n`);
    for (const name of await everything()) expect([name, (await stat(join(spools, name))).uid]).toEqual([name, nobody]);
    expect(process.geteuid?.()).toBe(0);
  },
);

it("a reader that has seen enough ends the list, and is no failure", async () => {
  await running(...Array.from({ length: 400 }, (_, n) => `${"s".repeat(150)}${n}@example.org`.slice(-70)));
  const [out, err] = [new PassThrough(), new PassThrough()];
  out.once("data", () => out.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" })));
  out.on("error", () => undefined);
  expect(await run(["queue", "list", "--json"], { out, err, in: Readable.from([]), cwd: site })).toBe(0);
  err.end();
  expect(await text(err)).toBe("");
});

it("a line of JSON has nothing in it that a terminal would obey", () => {
  const said = { reversePath: "a\u009b2J\u001b[2J\u2028@example.org" };
  expect(jsonLine(said)).toMatch(/^[ -~]+\n$/);
  expect(JSON.parse(jsonLine(said))).toEqual(said);
});

describe("the control socket", () => {
  it("waits with whoever waits for the end of a try", async () => {
    const { flow, ids } = await deferring("ann@example.org");
    const path = join(flow.directory, "desk");
    const slow: QueueActions = {
      ...spoolActions(flow.spool, keptLog().log),
      async hold() {
        await pause(500);
        return "changed";
      },
    };
    const desk = await openControl(path, { spool: flow.spool, queue: slow, clock: flow.clock }, keptLog().log, 50);
    closing.push(() => desk.close());
    const socket = connect(path);
    socket.write(`${JSON.stringify({ ask: "act", action: "hold", ids, text: null })}\n`);
    expect(await text(socket)).toContain('"at":"done"');
    // Who never asks is sent away.
    expect(await text(connect(path))).toBe("");
  });

  it("belongs to the server's user alone, and is gone with it", async () => {
    await running();
    const path = join(slot, "control");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const close of closing.splice(1).reverse()) await close();
    await expect(access(path)).rejects.toThrow();
  });

  it.each([
    ["no JSON", "hello\n"],
    ["no request", "{}\n"],
    ["an action that is none", '{"ask":"act","action":"constructor","ids":["x"],"text":null}\n'],
    ["ids that are none", '{"ask":"act","action":"hold","ids":7,"text":null}\n'],
  ])("answers %s and goes on", async (_, line) => {
    await running("ann@example.org");
    const socket = connect(join(slot, "control"));
    socket.write(line);
    expect(await text(socket)).toMatch(/"is":"(wrong|done)"/);
    expect((await queue("list")).out).toContain("1 message");
  });

  it("is found in a directory with a name that no socket could have", async () => {
    const deep = join(site, "d".repeat(60), "d".repeat(60));
    await mkdir(join(deep, "spool"), { recursive: true });
    const { flow } = await deferring("ann@example.org");
    slot = join(deep, "spool", "0");
    await symlink(join(flow.directory, "spool"), slot);
    const desk = await openQueueDesk({ ...flow, slotDirectory: slot });
    closing.push(() => desk?.close());
    await writeFile(
      join(site, "postern.config.yaml"),
      `hostname: mx.example.org\ndataDir: ${deep}\nworkers: 1\nlisteners: [{ role: mx, host: 127.0.0.1, port: 0 }]\nplugins: [deliver-smtp]\n`,
    );
    expect((await queue("list")).out).toContain("ann@example.org");
  });
});

it("a server that has never run has an empty queue", async () => {
  await rm(join(site, "data"), { recursive: true });
  expect(await queue("list")).toEqual({ code: 0, out: "The queue is empty.\n", err: "" });
});

it("a mistake in a filter is told with what was expected", async () => {
  expect((await queue("list", "--older", "soon")).err).toContain("--older is a duration such as 30m");
  expect((await queue("list", "--state", "hold")).err).toContain("did you mean held?");
});
