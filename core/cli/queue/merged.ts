/**
 * What several tell, put together as it comes. Whoever is slow to take it holds all of them up, so that nothing piles up. When nobody wants
 * more, or one of them fails, `stop` is to end what the others wait for.
 */
export async function* merged<T>(sources: readonly AsyncGenerator<T>[], stop: () => void): AsyncGenerator<T> {
  const next = new Map(sources.map((source) => [source, told(source)]));
  try {
    while (next.size > 0) {
      const { source, result } = await Promise.race(next.values());
      if (result.done) next.delete(source);
      else {
        next.set(source, told(source));
        yield result.value;
      }
    }
  } finally {
    stop();
    await Promise.allSettled([...next.values(), ...sources.map((source) => source.return(undefined))]);
  }
}

const told = async <T>(source: AsyncGenerator<T>) => ({ source, result: await source.next() });
