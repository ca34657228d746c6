/**
 * The right-hand side of an alias (aliases(5), `.forward`, `:include:` files): addresses, commands, files and lists of them. Pure. What is
 * none of these is among the mistakes, never passed over silently.
 */

export type AliasTarget =
  /** `isFinal`: written `\user`, not to be expanded any further. */
  | { readonly kind: "address"; readonly text: string; readonly isFinal: boolean }
  | { readonly kind: "command"; readonly command: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "include"; readonly path: string };

export interface AliasList {
  readonly targets: readonly AliasTarget[];
  /** In words, for a message to people. */
  readonly mistakes: readonly string[];
}

export function parseAliasList(value: string): AliasList {
  const targets: AliasTarget[] = [];
  const mistakes: string[] = [];
  for (const item of itemsOf(value)) {
    const target = targetOf(item);
    if (typeof target === "string") mistakes.push(`${target}: ${JSON.stringify(item.text.trim().slice(0, 80))}`);
    else targets.push(target);
  }
  return { targets, mistakes };
}

interface Item {
  /** As written. */
  readonly text: string;
  readonly isClosed: boolean;
}

/** Commas outside of quotes, comments and angle brackets separate; nothing between two of them is nothing. */
function itemsOf(value: string): readonly Item[] {
  const items: Item[] = [];
  let text = "";
  let isQuoted = false;
  let comments = 0;
  const finish = (isClosed: boolean): void => {
    if (text.trim() !== "" || !isClosed) items.push({ text, isClosed });
    text = "";
  };
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at] ?? "";
    const isCommand = text.trimStart().startsWith("|");
    if (char === "\\" && at + 1 < value.length) {
      if (comments === 0) text += char + value[at + 1];
      at += 1;
    } else if (comments > 0) comments += char === "(" ? 1 : char === ")" ? -1 : 0;
    else if (char === '"') {
      isQuoted = !isQuoted;
      text += char;
    } else if (!isQuoted && char === "(" && !isCommand) comments = 1;
    else if (!isQuoted && (char === "," || char === "\n")) finish(true);
    else text += char;
  }
  finish(!isQuoted && comments === 0);
  return items;
}

function targetOf({ text, isClosed }: Item): AliasTarget | string {
  if (!isClosed) return "a quote or a comment does not end";
  const trimmed = text.trim();
  const whole = /^"((?:[^"\\]|\\.)*)"$/s.exec(trimmed)?.[1];
  const plain = whole === undefined ? trimmed : whole.replace(/\\(["\\])/g, "$1");
  if (/[\u0000-\u001f\u007f]/.test(plain.replaceAll("\t", " "))) return "has a control character";
  if (plain.startsWith("|")) {
    const command = plain.slice(1).trim();
    return command === "" ? "has no command behind |" : { kind: "command", command };
  }
  const include = /^:include:\s*(.*)$/i.exec(plain)?.[1];
  if (include !== undefined) {
    const path = include.replace(/^"(.*)"$/, "$1");
    return path.startsWith("/") ? { kind: "include", path } : "needs an absolute path behind :include:";
  }
  if (plain.startsWith(":")) return "is no :include:";
  if (plain.startsWith("/")) return { kind: "file", path: plain };
  if (plain.startsWith("~") || plain.startsWith("./")) return "a file needs an absolute path";
  return addressIn(trimmed);
}

function addressIn(text: string): AliasTarget | string {
  const isFinal = text.startsWith("\\");
  const rest = isFinal ? text.slice(1) : text;
  // RFC 5322 3.4: a name may stand before the address
  const spec = (/<([^<>]*)>$/.exec(rest)?.[1] ?? rest).trim();
  const isOne = /^(?:"(?:[^"\\]|\\.)*"|[^\s"\\<>]+)+$/.test(spec);
  return isOne ? { kind: "address", text: spec, isFinal } : "is no address; a comma stands between targets";
}
