/** Service tokens: how plugins and core meet without importing each other. Told apart by `name@major`, never by identity. */

declare const carries: unique symbol;

export interface Service<T> {
  readonly name: string;
  readonly [carries]?: T;
  readonly isOptional?: boolean;
}

export interface Maybe<T> extends Service<T> {
  readonly isOptional: true;
}

/** A token for a service of shape `T`; `name` ends in `@major`. */
export const defineService = <T>(name: `${string}@${number}`): Service<T> => ({ name });

/** The same service, but the plugin also starts without it: `needs.x` is `undefined` then. */
export const optional = <T>(service: Service<T>): Maybe<T> => ({ ...service, isOptional: true });
