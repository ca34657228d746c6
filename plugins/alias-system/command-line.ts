/**
 * `|command` of an alias as a program and its arguments. Words may stand in quotes; there is no shell, so what only a shell could do is a
 * `fault`: it is never done half.
 */

export type CommandLine =
  | { readonly at: "split"; readonly argv: readonly [string, ...string[]] }
  | { readonly at: "fault"; readonly reason: string };

const SHELL = /[`$;&|<>()*?[\]{}~#=!\n]/;

export function commandLine(text: string): CommandLine {
  const words: string[] = [];
  for (const [whole] of text.matchAll(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\])+|\S/gs)) {
    let word = "";
    for (const [, double, single, escaped, plain] of whole.matchAll(
      /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)|([^"'\\]+)|./gs,
    )) {
      if (double !== undefined) {
        if (/[`$]/.test(double.replace(/\\./g, ""))) return needsShell(double);
        word += double.replace(/\\(["\\$`])/g, "$1");
      } else if (single !== undefined) word += single;
      else if (escaped !== undefined) word += escaped;
      else if (plain === undefined) return { at: "fault", reason: "a quote does not end" };
      // `--name=value` is what programs take; a variable before the program is a shell's.
      else if (SHELL.test(words.length > 0 ? plain.replaceAll("=", "") : plain)) return needsShell(plain);
      else word += plain;
    }
    words.push(word);
  }
  const [program, ...args] = words;
  if (program === undefined) return { at: "fault", reason: "there is no command" };
  if (!program.startsWith("/"))
    return { at: "fault", reason: `${JSON.stringify(program)} is no absolute path (no shell looks for it)` };
  return { at: "split", argv: [program, ...args] };
}

const needsShell = (part: string): CommandLine => ({
  at: "fault",
  reason: `${JSON.stringify(part)} needs a shell, and there is none: write a script and name it here`,
});
