/** Changes of our own to many messages: some milliseconds at a time, so that other sessions get their turn. */
import { Breather } from "postern/store";
import type { Folder } from "./folder.ts";

/** Runs `work` on each item, in order, as changes of `folders` that are our own. Stops at the first fault. */
export async function changing<T>(
  folders: readonly Folder[],
  items: Iterable<T>,
  work: (item: T, index: number) => void,
  sliceMs?: number,
): Promise<void> {
  const breather = new Breather(sliceMs);
  const source = items[Symbol.iterator]();
  let index = 0;
  let next = source.next();
  const slice = (): void => {
    do {
      work(next.value, index++);
      next = source.next();
    } while (!next.done && !breather.isDue);
  };
  while (!next.done) {
    if (breather.isDue) await breather.pause();
    folders.reduceRight<() => void>((inner, folder) => () => folder.own(inner), slice)();
  }
}
