/**
 * Mailbox addresses after RFC 5321 4.1.2 and RFC 6531 3.3. `parseAddress` is the one gate from raw text to `Address`.
 * Never throws: a mistake is a value that says what is wrong.
 */

/** A mailbox. `localPart` is unquoted; `toString()` quotes it again where the grammar asks for it. */
export interface Address {
  readonly localPart: string;
  /** Lower case; an address literal keeps its brackets. */
  readonly domain: string;
  toString(): string;
}
