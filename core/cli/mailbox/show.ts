/** Tables, sizes and lines of JSON, as people and programs read them. Nothing that a client has named may command a terminal. */
import { safeText } from "../../mail/header.ts";

/** Columns as wide as their widest cell; numbers stand to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = [
    head,
    ...rows.map((row) => row.map((cell) => (typeof cell === "number" ? String(cell) : safeText(cell)))),
  ];
  const widths = head.map((_, column) => Math.max(...texts.map((row) => row[column]?.length ?? 0)));
  return texts
    .map((row, line) => {
      const cells = row.map((cell, column) => {
        const isNumber = typeof rows[Math.max(0, line - 1)]?.[column] === "number";
        return isNumber ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
      });
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `1.2MiB`; two places are enough for a reader. */
export function roughSize(bytes: number): string {
  const step = bytes < 1024 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const amount = bytes / 1024 ** step;
  return `${step > 0 && amount < 10 ? amount.toFixed(1) : Math.round(amount)}${UNITS[step]}`;
}
