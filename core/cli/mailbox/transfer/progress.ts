/** What people see of a transfer: a bar on a terminal, a line for each folder elsewhere. */
import { safeText } from "../../../mail/header.ts";
import type { Terminal } from "../../terminal.ts";
import { roughSize } from "../show.ts";
import type { Summary, Watcher } from "./transfer.ts";

export interface Progress extends Watcher {
  end(): void;
}

export async function progressOf(terminal: Terminal, { isQuiet }: { readonly isQuiet: boolean }): Promise<Progress> {
  const say = (text: string) => terminal.err.write(`${safeText(text)}\n`);
  const isTerminal = "isTTY" in terminal.err && terminal.err.isTTY === true;
  if (isQuiet || !isTerminal) return lines(say, isQuiet);
  return bar(say, terminal.err as NodeJS.WriteStream);
}

function lines(say: (text: string) => void, isQuiet: boolean): Progress {
  return {
    folder(name, total, bytes) {
      if (!isQuiet && total > 0) say(`${name}: ${total} messages, ${roughSize(bytes)}`);
    },
    moved() {},
    note: say,
    end() {},
  };
}

async function bar(say: (text: string) => void, stream: NodeJS.WriteStream): Promise<Progress> {
  const { SingleBar, Presets } = await import("cli-progress");
  let current: InstanceType<typeof SingleBar> | null = null;
  let bytes = 0;
  const end = () => {
    current?.stop();
    current = null;
  };
  return {
    folder(name, total) {
      end();
      if (total === 0) return;
      bytes = 0;
      const format = "{folder} [{bar}] {value}/{total} {size} {eta_formatted} left";
      current = new SingleBar({ format, stream, hideCursor: true, etaBuffer: 500 }, Presets.legacy);
      current.start(total, 0, { folder: safeText(name).slice(0, 30).padEnd(20), size: "" });
    },
    moved(messages, moved) {
      bytes += moved;
      current?.increment(messages, { size: roughSize(bytes) });
    },
    note(text) {
      // The bar is drawn anew below it.
      if (current) stream.write("\n");
      say(text);
    },
    end,
  };
}

export function summaryText({ folders, copied, bytes, known, updated, removed, missed }: Summary): string {
  const parts = [
    `${copied} messages (${roughSize(bytes)}) of ${folders} folders`,
    ...(known > 0 ? [`${known} were there already`] : []),
    ...(updated > 0 ? [`${updated} got other flags`] : []),
    ...(removed > 0 ? [`${removed} removed, as the source has`] : []),
    ...(missed > 0 ? [`${missed} were gone before they could be read`] : []),
  ];
  return parts.join("; ");
}
