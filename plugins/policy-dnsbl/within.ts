/** Gives a task a signal that fires after its time. Rejects only if the task does. */
export async function within<T>(timeMs: number, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeMs);
  timer.unref();
  try {
    return await task(late.signal);
  } finally {
    clearTimeout(timer);
  }
}
