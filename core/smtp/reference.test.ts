/** docs/reference/smtp.md against the code: standards cited, extensions announced, keys that exist. */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { RawClient } from "../testing/raw-client.ts";
import { fixture } from "../testing/smtp-fixture.ts";
import { smtpTestServer } from "../testing/smtp-front.ts";
import { smtpPeers } from "./peers.ts";

const page = readFileSync(new URL("../../docs/reference/smtp.md", import.meta.url), "utf8");
const part = (title: string): string => page.split(/^## /m).find((text) => text.startsWith(title)) ?? "";
const rows = (text: string): readonly (readonly string[])[] =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

async function citedIn(room: string): Promise<ReadonlySet<string>> {
  const directory = fileURLToPath(new URL(room, import.meta.url));
  const sources = (await readdir(directory, { recursive: true })).filter((file) => /(?<!\.test)\.ts$/.test(file));
  return new Set(sources.flatMap((file) => readFileSync(join(directory, file), "utf8").match(/RFC \d+/g) ?? []));
}

it("names each RFC that the room cites, and none that nobody cites", async () => {
  const named = rows(part("Standards")).flatMap(([rfc = "-"]) => (rfc === "-" ? [] : [rfc]));
  const here = await citedIn(".");
  // `Received:` is written by the queue's room.
  const nearby = await citedIn("../queue");
  expect([...here].filter((rfc) => !named.includes(rfc))).toEqual([]);
  expect(named.filter((rfc) => !here.has(rfc) && !nearby.has(rfc))).toEqual([]);
});

it("names each extension that is announced, and no other", async () => {
  const all = ["127.0.0.1"];
  const peers = smtpPeers({ from: null, xclient: all, xforward: all, vrfy: "off", etrn: all, etrnDomains: null });
  const server = await smtpTestServer({ plugins: [fixture], tls: "optional", config: { peers } });
  onTestFinished(() => server.close());
  const client = await RawClient.open(server.port);
  const announced = async () => {
    client.send("EHLO client.example.net\r\n");
    const lines = (await client.until(/^250 .*\r\n/m)).trimEnd().split("\r\n").slice(1);
    return lines.map((line) => line.slice(4).split(" ")[0] ?? "");
  };
  await client.until(/220 .*\r\n/);
  const inClear = await announced();
  await client.say("STARTTLS");
  await client.startTls();
  const keywords = new Set([...inClear, ...(await announced())]);
  client.socket.destroy();
  const named = rows(part("Standards")).flatMap(([, , cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word),
  );
  expect(named.toSorted()).toEqual([...keywords].toSorted());
});
