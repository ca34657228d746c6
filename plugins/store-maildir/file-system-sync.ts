/**
 * Flushes a whole file system, off this process, by syncfs(2), which Node does not have: a Perl that lives as long as the store calls
 * it, or, where there is none, a shell that runs sync(1). One call makes any number of files and names durable. `null` where it cannot be
 * had: flush one by one then.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Readable, Writable } from "node:stream";

/** Signals to the whole process group are for the server: the shell ends when its input does. */
const SHELL_SCRIPT = `trap '' INT TERM HUP; while IFS= read -r path; do if sync -f -- "$path"; then echo 0; else echo 1; fi; done`;

/**
 * One file stays open on each file system, so that the kernel tells it of every failure since the flush before, whoever else heard of
 * that one. Where the call is not allowed, the shell takes over.
 */
const PERL_SCRIPT = `
my ($number, $script) = @ARGV;
$SIG{$_} = "IGNORE" for qw(INT TERM HUP);
$| = 1;
syscall($number, -1);
exec "sh", "-c", $script if $! != 9;
my %files;
while (defined(my $path = <STDIN>)) {
  chomp $path;
  my ($device) = stat $path;
  my $file = defined $device ? $files{$device} : undef;
  if (!$file && open(my $opened, "<", $path)) { $files{(stat $opened)[0]} = $file = $opened; }
  print $file && syscall($number, fileno $file) == 0 ? "0\\n" : "1\\n";
}`;
const PERL_PLACES = ["/usr/bin/perl", "/bin/perl", "/usr/local/bin/perl"];
/** Of syncfs, as Linux counts its calls. */
const CALL_NUMBERS: Readonly<Partial<Record<NodeJS.Architecture, number>>> = {
  arm: 373,
  arm64: 267,
  ia32: 344,
  loong64: 267,
  ppc64: 348,
  riscv64: 267,
  s390x: 338,
  x64: 306,
};

type Command = readonly [program: string, words: readonly string[]];

export const shellCommand: Command = ["sh", ["-c", SHELL_SCRIPT]];

export function commandHere(): Command {
  const number = process.platform === "linux" ? CALL_NUMBERS[process.arch] : undefined;
  const perl = PERL_PLACES.find((place) => existsSync(place));
  if (number === undefined || perl === undefined) return shellCommand;
  return [perl, ["-e", PERL_SCRIPT, String(number), SHELL_SCRIPT]];
}

type Shell = ChildProcessByStdio<Writable, Readable, null>;

export class FileSystemSync {
  readonly #command: Command;
  #shell: Shell | null = null;
  #isMissing = false;
  readonly #asked: { resolve(): void; reject(cause: Error): void }[] = [];

  constructor(command: Command = commandHere()) {
    this.#command = command;
  }

  /** Resolves when all that was written to the file system of `path` before is on disk; rejects when the disk failed. */
  sync(path: string): Promise<void> | null {
    if (this.#isMissing || path.includes("\n")) return null;
    this.#shell ??= this.#start();
    const { stdin } = this.#shell;
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      stdin.write(`${path}\n`);
    });
  }

  close(): void {
    this.#shell?.stdin.end();
    this.#shell = null;
  }

  #start(): Shell {
    const [program, words] = this.#command;
    const shell = spawn(program, words, { stdio: ["pipe", "pipe", "ignore"], cwd: "/" });
    // It must not keep a process alive that has nothing else to do.
    shell.unref();
    for (const stream of [shell.stdin, shell.stdout]) (stream as unknown as { unref?(): void }).unref?.();
    shell.stdin.on("error", () => this.#lost(shell, false));
    shell.on("error", () => this.#lost(shell, true));
    shell.on("close", () => this.#lost(shell, false));
    shell.stdout.setEncoding("ascii").on("data", (text: string) => {
      for (const digit of text.replace(/\D/g, "")) {
        const next = this.#asked.shift();
        if (digit === "0") next?.resolve();
        else next?.reject(Object.assign(new Error("the file system could not be flushed"), { code: "EIO" }));
      }
    });
    return shell;
  }

  /** Whoever waits does not know whether it was flushed, and may not take it for so. */
  #lost(shell: Shell, isMissing: boolean): void {
    if (isMissing) this.#isMissing = true;
    if (this.#shell === shell) this.#shell = null;
    for (const { reject } of this.#asked.splice(0))
      reject(Object.assign(new Error("the flush was broken off"), { code: "EIO" }));
  }
}
