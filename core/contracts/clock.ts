/** Time, handed in. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}
