/**
 * Labels: small durable facts that travel with an envelope, typed and validated. `set` throws a `TypeError` for a value that the
 * schema refuses (in a handler: a fault); `of` gives `undefined` for one that an older version left.
 */
import type { Static, TSchema } from "typebox";
import { Check } from "typebox/value";
import type { Envelope } from "../contracts/envelope.ts";
import type { Change } from "../contracts/verdicts.ts";

export interface Label<T> {
  readonly name: string;
  of(envelope: Envelope): T | undefined;
  /** A change to answer with: `amend(SpamScore.set(7))`. */
  set(value: T): Change;
}

/** `name` is kebab-case and shared by all plugins: two that define the same name share the fact. */
export function defineLabel<S extends TSchema>(name: string, schema: S): Label<Static<S>> {
  if (!/^[a-z][a-z0-9]*(?:[-/][a-z0-9]+)*$/.test(name)) throw new TypeError(`"${name}" is no name for a label`);
  const isValid = (value: unknown): value is Static<S> => Check(schema, value);
  return {
    name,
    of(envelope) {
      const value = envelope.label(name);
      return isValid(value) ? value : undefined;
    },
    set(value) {
      if (!isValid(value)) throw new TypeError(`the label "${name}" cannot have this value`);
      return { op: "label", label: name, value };
    },
  };
}
