/** Where in a config, or in a plugin's options, a value stands. */

export type Path = readonly (string | number)[];

/** `limits.messageSize`, `networks[2]` */
export function nameOf(path: Path): string {
  return path.map((part, n) => (typeof part === "number" ? `[${part}]` : `${n === 0 ? "" : "."}${part}`)).join("");
}
