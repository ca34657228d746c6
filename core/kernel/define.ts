/** `definePlugin`: the shape of a plugin, checked by the compiler as far as it goes and by the loader for the rest. */
import type { Static, TObject } from "typebox";
import type { Clock } from "../contracts/clock.ts";
import type { Hooks } from "../contracts/hooks.ts";
import type { Log } from "../contracts/log.ts";
import type { Maybe, Service } from "../contracts/service.ts";
import type { Connection } from "../contracts/session.ts";

// biome-ignore lint/suspicious/noExplicitAny: any is what makes tokens covariant
export type Tokens = Record<string, Service<any>>;
export type Resolved<N extends Tokens> = {
  readonly [K in keyof N]: N[K] extends Maybe<infer T> ? T | undefined : N[K] extends Service<infer T> ? T : never;
};

export interface Context<C, N extends Tokens> {
  /** This entry's id: what is kept for it alone, a space of KeyValue for instance, is named after it. */
  readonly id: string;
  /** This entry's options: validated, defaults filled in. */
  readonly config: C;
  readonly needs: Resolved<N>;
  /** Bound to the entry's id. */
  readonly log: Log;
  readonly clock: Clock;
  /** Directory of the config file: what relative paths among the options are relative to. */
  readonly configDir: string;
  /** A typed cell per session or envelope, owned by this entry of the config; gone with its owner. */
  state<Owner extends object, T>(init: (owner: Owner) => T): (owner: Owner) => T;
}

/** A problem that `postern check` reports for a plugin entry beyond its schema. */
export interface Finding {
  readonly severity: "error" | "warning";
  readonly text: string;
}

export type Live<P extends Tokens> = {
  hooks?: Hooks;
  /** One function for each role in `serves`. */
  serve?: Record<string, (connection: Connection) => void>;
  /** What `postern check` should say about files, tables, certificates: opens nothing for writing. */
  check?(): Promise<readonly Finding[]>;
  start?(): Promise<void>;
  stop?(): Promise<void>;
} & (keyof P extends never ? { provides?: never } : { provides: Resolved<P> });

/** Refuses any key that the shape does not have, on both levels, and keeps contextual typing. */
export type Exact<L, Shape> = {
  [K in keyof L]: K extends keyof Shape
    ? K extends "hooks"
      ? { [H in keyof L[K]]: H extends keyof Hooks ? L[K][H] : never }
      : L[K]
    : never;
};

/** What every plugin module has as its default export. Readable without running the plugin. */
export interface Plugin {
  readonly name: string;
  readonly api: 1;
}

export interface PluginDefinition<
  S extends TObject,
  N extends Tokens,
  P extends Tokens,
  L extends Live<P> & { hooks?: object },
> {
  /** `role-thing`, as in `policy-greylist`. */
  name: string;
  /** The major of the plugin API it was written for. */
  api: 1;
  /** Options of its config entry. */
  config?: S;
  needs?: N;
  provides?: P;
  /** Listener roles that this plugin speaks: `serve` has a function for each. */
  serves?: readonly string[];
  /** Only checked, never sorted by. Globs allowed. */
  after?: readonly string[];
  before?: readonly string[];
  setup(context: Context<Static<S>, N>): (L & Exact<L, Live<P>>) | Promise<L & Exact<L, Live<P>>>;
}

/** Gives types to a plugin. Returns its argument as it is. */
export function definePlugin<
  S extends TObject = TObject<{}>,
  N extends Tokens = {},
  P extends Tokens = {},
  L extends Live<P> & { hooks?: object } = Live<P>,
>(plugin: PluginDefinition<S, N, P, L>): Plugin {
  return plugin;
}
