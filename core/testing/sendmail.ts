/** The command sendmail as a program calls it, into a maildrop of its own: what is left there, and how it ends. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { END_BYTES, envelopeBytes, HEAD, type LeftEnvelope } from "../maildrop/format.ts";
import { type FlushTarget, sendmail } from "../sendmail/command.ts";

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly left: readonly { readonly text: string; readonly envelope: LeftEnvelope }[];
  readonly flushed: readonly FlushTarget[];
}

export interface RunOptions {
  readonly name?: string;
  readonly input?: string | readonly (string | Buffer)[] | Readable;
  /** Of the facts that the server has written. */
  readonly facts?: object;
  readonly env?: Readonly<Record<string, string>>;
}

export async function runSendmail(
  args: readonly string[],
  { name = "sendmail", input = "", facts = {}, env = {} }: RunOptions = {},
): Promise<Ran> {
  const directory = await mkdtemp(join(tmpdir(), "postern-sendmail-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const maildrop = join(directory, "new");
  await mkdir(maildrop);
  const known = {
    format: 1,
    maildrop,
    dataDir: directory,
    origin: "example.org",
    hostname: "mx.example.org",
    messageSizeBytes: 1_000_000,
    ...facts,
  };
  await writeFile(join(directory, "sendmail.json"), JSON.stringify(known));
  const collect = () => {
    const stream = new PassThrough();
    let text = "";
    stream.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    return { stream, text: () => text };
  };
  const out = collect();
  const err = collect();
  const flushed: FlushTarget[] = [];
  const exitCode = await sendmail(name, args, {
    in:
      input instanceof Readable
        ? input
        : Readable.from((typeof input === "string" ? [input] : input).map((piece) => Buffer.from(piece))),
    out: out.stream,
    err: err.stream,
    env: { POSTERN_SENDMAIL: directory, ...env },
    queue: {
      list: async () => 42,
      async flush(target) {
        flushed.push(target);
        return 0;
      },
    },
  });
  const left = [];
  for (const file of await readdir(maildrop)) left.push(parse(await readFile(join(maildrop, file))));
  return { exitCode, out: out.text(), err: err.text(), left, flushed };
}

function parse(file: Buffer) {
  const end = file.length - END_BYTES;
  const length = envelopeBytes(file.subarray(end)) ?? 0;
  if (!file.subarray(0, HEAD.length).equals(HEAD)) throw new Error("this is no message of the maildrop");
  return {
    text: file.toString("utf8", HEAD.length, end - length),
    envelope: JSON.parse(file.toString("utf8", end - length, end)) as LeftEnvelope,
  };
}
