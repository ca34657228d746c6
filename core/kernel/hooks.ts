/**
 * The only file that knows tapable: three ways of running steps in the operator's order. A chain in which every step goes on at
 * once has ended before `run` returns: no promise, no tick.
 *
 * Tapable by itself fails open: `tap` with an async function bails on the promise, `null` bails, `promise()` costs a
 * tick per call, an unknown `before` is accepted, a throw inside a call-back runs through the taps above it. So only `tapAsync`
 * is used, nothing is ordered by `before` or `stage`, verdicts never travel through tapable (a step keeps its own account
 * in the asking and only says "go on" or "end"), and a step must not throw: the guard sees to that.
 */
import { AsyncParallelHook, AsyncSeriesBailHook, AsyncSeriesWaterfallHook } from "tapable";

/** `next()` goes on, `next(null, true)` ends the chain. To be called exactly once. */
export type Next = (nothing?: null, isEnd?: true) => void;
/** `next(null, value)` hands on, `next(halted)` ends the chain. To be called exactly once. */
export type HandOn<V> = (halt?: Error | null, value?: V) => void;

export interface Series<A> {
  add(name: string, step: (asking: A, next: Next) => void): void;
  run(asking: A, ended: () => void): void;
}

export interface Waterfall<V, A> {
  add(name: string, step: (value: V, asking: A, next: HandOn<V>) => void): void;
  /** The last value; what it is after a halt is of no use. */
  run(first: V, asking: A, ended: (last: V) => void): void;
}

/** Ends a waterfall. Says nothing: why is kept in the asking. */
export const halted = new Error("the chain was halted");

/** One after the other until one ends it: policy, claim, share. */
export function series<A>(hook: string): Series<A> {
  const tapped = new AsyncSeriesBailHook<[A], true>(["asking"], hook);
  return {
    add: (name, step) => tapped.tapAsync(name, step),
    run: (asking, ended) => tapped.callAsync(asking, ended),
  };
}

/** One after the other, each with what the former made: transform. */
export function waterfall<V, A>(hook: string): Waterfall<V, A> {
  const tapped = new AsyncSeriesWaterfallHook<[V, A], V>(["value", "asking"], hook);
  return {
    add: (name, step) => tapped.tapAsync(name, step),
    run: (first, asking, ended) => tapped.callAsync(first, asking, (_halt, last) => ended(last ?? first)),
  };
}

/** All at once; ended when the last one has: notice. */
export function parallel<A>(hook: string): Series<A> {
  const tapped = new AsyncParallelHook<[A]>(["asking"], hook);
  return {
    add: (name, step) => tapped.tapAsync(name, (asking, next) => step(asking, () => next())),
    run: (asking, ended) => tapped.callAsync(asking, ended),
  };
}
