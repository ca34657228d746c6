/** What is wrong with a list of plugins, all of it at once. */

export interface Mistake {
  /** Id of the config entry; `null` if it is about the whole list. */
  readonly entry: string | null;
  readonly where: { readonly file: string; readonly line: number } | null;
  readonly text: string;
  /** What was thrown, if something was. For the log, never for a client. */
  readonly cause?: unknown;
}

/** The server does not start. `message` has one line a mistake. */
export class KernelError extends Error {
  readonly code = "PLUGIN_MISTAKE";
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super(mistakes.map(mistakeText).join("\n"), { cause: mistakes.find(({ cause }) => cause !== undefined)?.cause });
    this.name = "KernelError";
    this.mistakes = mistakes;
  }
}

export function mistakeText({ entry, where, text }: Mistake): string {
  const place = where ? `${where.file}:${where.line}: ` : "";
  return `${place}${entry === null ? "" : `${entry}: `}${text}`;
}
