/** What callers of the embedded KeyValue get to see; the cause is kept apart from the text. */
export type KeyValueFault = "FULL" | "CLOSED" | "BROKEN";

export class KeyValueError extends Error {
  readonly code: `KEY_VALUE_${KeyValueFault}`;

  constructor(fault: KeyValueFault, text: string, options?: ErrorOptions) {
    super(text, options);
    this.code = `KEY_VALUE_${fault}`;
  }
}
