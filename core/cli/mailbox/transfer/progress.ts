/** What people see of a transfer: a bar on a terminal, a line for each folder elsewhere. */
import { safeText } from "../../../mail/header.ts";
import type { Terminal } from "../../terminal.ts";
import { roughSize } from "../show.ts";
import type { Summary, Watcher } from "./transfer.ts";

export interface Progress extends Watcher {
  end(): void;
}

export function progressOf(terminal: Terminal, { isQuiet }: { readonly isQuiet: boolean }): Progress {
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

const BAR_CELLS = 30;
const DRAW_EVERY_MS = 100;

/** Drawn over itself; a note stands above it. */
function bar(say: (text: string) => void, stream: NodeJS.WriteStream): Progress {
  let now = { name: "", total: 0, done: 0, bytes: 0, sinceMs: 0 };
  let drawnMs = 0;
  const wipe = () => stream.write("\r\u001b[K");
  const draw = () => {
    drawnMs = performance.now();
    const { name, total, done, bytes, sinceMs } = now;
    const cells = Math.round((done * BAR_CELLS) / Math.max(1, total));
    const leftSeconds = done === 0 ? null : Math.ceil(((drawnMs - sinceMs) * (total - done)) / done / 1000);
    const left = leftSeconds === null || done === total ? "" : ` ${duration(leftSeconds)} left`;
    const shown = `${name} [${"#".repeat(cells).padEnd(BAR_CELLS, "-")}] ${done}/${total} ${roughSize(bytes)}${left}`;
    stream.write(`\r\u001b[K${shown.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`);
  };
  const end = () => {
    if (now.total === 0) return;
    draw();
    stream.write("\n");
    now = { ...now, total: 0 };
  };
  return {
    folder(name, total) {
      end();
      if (total === 0) return;
      now = { name: safeText(name).slice(0, 30).padEnd(20), total, done: 0, bytes: 0, sinceMs: performance.now() };
      draw();
    },
    moved(messages, bytes) {
      now = { ...now, done: now.done + messages, bytes: now.bytes + bytes };
      if (performance.now() - drawnMs > DRAW_EVERY_MS) draw();
    },
    note(text) {
      if (now.total > 0) wipe();
      say(text);
    },
    end,
  };
}

const duration = (seconds: number): string =>
  seconds < 60 ? `${seconds}s` : seconds < 3600 ? `${Math.ceil(seconds / 60)}m` : `${Math.ceil(seconds / 3600)}h`;

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
