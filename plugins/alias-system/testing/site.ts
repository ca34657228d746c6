/** A place with an alias file, homes and a flow that records what is delivered: what the tests of alias-system share. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accept, definePlugin, found, type LocalCommand, LocalCommands, proceed } from "postern/plugin";
import { addressOf, type MailFlow, openMailFlow, optionsOf, outcomes, recording, type Sent } from "postern/testing";
import { onTestFinished } from "vitest";
import aliasSystem from "../index.ts";

export const isRoot = process.getuid?.() === 0;

export type Ran = Omit<LocalCommand, "for"> & { readonly for: string };

/** Remembers the commands that it should run; those in /nowhere cannot be run. */
const runner = (ran: Ran[]) =>
  definePlugin({
    name: "test-runner",
    api: 1,
    provides: { commands: LocalCommands },
    setup: () => ({
      provides: {
        commands: {
          async run(_delivery, _recipient, command) {
            if (command.argv[0].startsWith("/nowhere")) return outcomes.deferred;
            ran.push({ ...command, for: String(command.for) });
            return outcomes.delivered;
          },
        },
      },
    }),
  });

export interface Site {
  readonly directory: string;
  write(name: string, ...lines: readonly string[]): Promise<string>;
  read(name: string): Promise<string>;
  /** `{}` in options and files stands for the directory. */
  open(options?: object): Promise<{
    readonly flow: MailFlow;
    readonly delivered: ReturnType<typeof recording>["delivered"];
    readonly ran: readonly Ran[];
  }>;
}

/** ann, bob and carl live at example.org, each with a home; mail for everybody else is recorded. */
export async function site(...aliases: readonly string[]): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), "postern-alias-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const home = (name: string) => join(directory, "home", name);
  for (const name of ["ann", "bob", "carl"]) await mkdir(home(name), { recursive: true });
  const people = definePlugin({
    name: "test-directory",
    api: 1,
    setup: () => ({
      hooks: {
        findAccount(query) {
          const name = "address" in query ? query.address.localPart : "";
          const isHere = "address" in query && query.address.domain === "example.org";
          if (!isHere || !["ann", "bob", "carl"].includes(name)) return proceed;
          const address = addressOf(`${name}@example.org`);
          return found({ login: String(address), addresses: [address], home: home(name), quotaBytes: null });
        },
        findDomain: ({ domain }) => (domain === "example.org" ? accept("served") : proceed),
      },
    }),
  });
  const made: Site = {
    directory,
    async write(name, ...lines) {
      const path = join(directory, name);
      await writeFile(path, `${lines.join("\n").replaceAll("{}", directory)}\n`);
      return path;
    },
    read: (name) => readFile(join(directory, name), "utf8"),
    async open(options = {}) {
      const { plugin, delivered } = recording();
      const ran: Ran[] = [];
      const whole = { maps: [`aliases:${join(directory, "aliases")}`], ...options };
      const flow = await openMailFlow({
        plugins: [people, [aliasSystem, optionsOf(aliasSystem, whole)], runner(ran), plugin],
      });
      onTestFinished(() => flow.close());
      return { flow, delivered, ran };
    },
  };
  await made.write("aliases", ...aliases);
  return made;
}

export const refusal = ({ admissions: [first] }: Sent) =>
  first?.at === "refused" ? `${first.isPermanent ? 5 : 4}.${first.refusal.detail ?? ""} ${first.refusal.text}` : null;

export const errors = ({ lines }: MailFlow) => JSON.stringify(lines.filter(({ level }) => level === "error"));
