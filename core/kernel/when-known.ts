/** Goes on with an answer that is here already, or will be: a synchronous answer costs no promise. */
export function whenKnown<T, R>(answer: T | Promise<T>, next: (answer: T) => R | Promise<R>): R | Promise<R> {
  return answer instanceof Promise ? answer.then(next) : next(answer);
}
