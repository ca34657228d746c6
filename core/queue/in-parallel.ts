/** Works through a list of any length, a few at a time. Rejects with the first fault, and begins nothing more then. */
export async function inParallel<T>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = iteratorOf(items);
  let isOver = false;
  const readOn = async () => {
    try {
      for (let next = await left.next(); !next.done && !isOver; next = await left.next()) await work(next.value);
    } finally {
      isOver = true;
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, readOn));
  } finally {
    await left.return?.();
  }
}

const iteratorOf = <T>(items: Iterable<T> | AsyncIterable<T>): AsyncIterator<T> | Iterator<T> =>
  Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
