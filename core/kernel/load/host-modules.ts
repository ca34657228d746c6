/**
 * Gives plugins this server's copy of `postern/plugin` and its siblings, whatever is installed beside them: a resolve hook
 * for ES modules, a look-aside in `require` for CommonJS; `.ts` files get the same objects from jiti (load-module.ts).
 * Modules of this package itself are left alone: they reach their own files by self-reference.
 * Copies are interchangeable anyway (nothing is told apart by identity); this saves memory and surprises.
 */
import Module, { register } from "node:module";
import { fileURLToPath } from "node:url";

/** Specifier (`postern/plugin`) to namespace. */
export type HostModules = Readonly<Record<string, object>>;

const hostKey = Symbol.for("postern.host-modules");

/** Where `core/` and `plugins/` of this copy live: the repository, or its `dist`. Ends in "/". */
const houseUrl = new URL("../../../", import.meta.url).href;

interface Loader {
  _load(request: string, parent: { readonly filename?: string } | undefined, isMain: boolean): unknown;
}

/** A module in a URL: no file on disk stands for it, and every importer gets the same instance. */
function moduleUrl(specifier: string, namespace: object): string {
  const names = Object.keys(namespace).filter((name) => /^[\w$]+$/.test(name) && name !== "default");
  const source = `const host = globalThis[Symbol.for("postern.host-modules")][${JSON.stringify(specifier)}];
export const { ${names.join(", ")} } = host;`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** Runs in the thread of the module hooks, which reads no TypeScript: so it is text. */
const resolveHook = `let urls = {}, own = [];
export function initialize(data) { ({ urls, own } = data); }
export async function resolve(specifier, context, next) {
  const url = urls[specifier];
  if (url === undefined || own.some((prefix) => context.parentURL?.startsWith(prefix))) return next(specifier, context);
  return { url, format: "module", shortCircuit: true };
}`;

/** Installs the hooks once a process; later calls only exchange the modules behind them. */
export function installHostModules(modules: HostModules): void {
  const isInstalled = Reflect.has(globalThis, hostKey);
  Reflect.set(globalThis, hostKey, modules);
  if (isInstalled) return;

  const own = [`${houseUrl}core/`, `${houseUrl}plugins/`];
  const urls = Object.fromEntries(
    Object.entries(modules).map(([specifier, namespace]) => [specifier, moduleUrl(specifier, namespace)]),
  );
  register(`data:text/javascript,${encodeURIComponent(resolveHook)}`, { data: { urls, own } });

  const ownPaths = own.map((url) => fileURLToPath(url));
  const loader = Module as unknown as Loader;
  const load = loader._load;
  loader._load = (request, parent, isMain) => {
    const current: HostModules = Reflect.get(globalThis, hostKey);
    const isOwn = ownPaths.some((path) => parent?.filename?.startsWith(path));
    const known = Object.hasOwn(current, request) && !isOwn ? current[request] : undefined;
    return known ?? Reflect.apply(load, Module, [request, parent, isMain]);
  };
}
