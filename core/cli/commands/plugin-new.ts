/** `postern plugin new NAME`: a package of one's own, copied from the template that this version was tested with. */
import { cp, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { exitCodes } from "../../kernel/exit-codes.ts";
import { CommandError, usageError } from "../command-error.ts";
import { packageRoot } from "../package.ts";
import type { Terminal } from "../terminal.ts";

export interface PluginNewOptions {
  readonly dir?: string;
}

/** As it stands in the template. */
const templateName = "postern-plugin-example";
const templatePlugin = "policy-recipient-limit";
const leftOut = new Set(["node_modules", "dist", "package-lock.json"]);
/** npm leaves a file of that name out of packages. */
const renamed: ReadonlyMap<string, string> = new Map([["gitignore", ".gitignore"]]);

export async function newPlugin(name: string, { dir }: PluginNewOptions, terminal: Terminal): Promise<void> {
  const plugin = name.replace(/^postern-plugin-/, "");
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(plugin) || plugin.length > 100) {
    throw usageError(
      `"${name}" is no name for a plugin; expected role and thing in lower case, such as policy-mondays`,
    );
  }
  const directory = resolve(terminal.cwd, dir ?? `postern-plugin-${plugin}`);
  try {
    await mkdir(directory, { recursive: true });
    if ((await readdir(directory)).length > 0)
      throw new CommandError(`${directory} is not empty`, exitCodes.cannotCreate);
    const template = join(packageRoot(), "plugin-template");
    await cp(template, directory, {
      recursive: true,
      filter: (path) => path === template || !leftOut.has(basename(path)),
    });
    await setNames(directory, plugin);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`cannot make ${directory}: ${text}`, exitCodes.cannotCreate, { cause });
  }
  terminal.out.write(`${directory}\n`);
  terminal.err.write(`Next: cd ${directory} && npm install && npm test\n`);
}

async function setNames(directory: string, plugin: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, "utf8");
    const named = text.replaceAll(templateName, `postern-plugin-${plugin}`).replaceAll(templatePlugin, plugin);
    const realName = renamed.get(entry.name);
    await writeFile(path, named);
    if (realName !== undefined) await rename(path, join(entry.parentPath, realName));
  }
}
