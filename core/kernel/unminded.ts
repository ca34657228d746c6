/** Whoever waits for it sees the failure; if nobody does, it is no stray rejection. */
export function unminded<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
