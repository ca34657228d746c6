/**
 * What plugins keep per session or envelope: a cell for each entry of the config, gone with its owner. Sessions and envelopes of
 * core carry their cells with them, which costs the garbage collector nothing; for any other object they are kept beside it.
 */

interface Cell<T> {
  readonly value: T;
}

interface Cells<T> {
  get(key: object): Cell<T> | undefined;
  set(key: object, cell: Cell<T>): void;
}

/** A copy made by spreading does not share its cells. */
export class CellOwner {
  /** By the state that they are of. */
  #cells: Map<object, Cell<unknown>> | null = null;

  /** `null`: it carries none. */
  static cellsOf(owner: object): Map<object, Cell<unknown>> | null {
    if (!(#cells in owner)) return null;
    owner.#cells ??= new Map();
    return owner.#cells;
  }
}

/** A cell per owner, made by `init` when it is first asked for. */
export function stateCell<Owner extends object, T>(init: (owner: Owner) => T): (owner: Owner) => T {
  const beside = new WeakMap<object, Cell<T>>();
  // Of this state alone, even if two share an `init`.
  const name = {};
  return (owner) => {
    const own = CellOwner.cellsOf(owner) as Cells<T> | null;
    const cells = own ?? beside;
    const key = own ? name : owner;
    let cell = cells.get(key);
    if (!cell) {
      cell = { value: init(owner) };
      cells.set(key, cell);
    }
    return cell.value;
  };
}
