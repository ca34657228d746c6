/**
 * What readers of patterns share, whatever the notation: where they are in the source, and how branches and nested groups are gone
 * through. Throws a `PatternError` for what is no pattern.
 */
import { type Node, PatternError } from "./syntax-tree.ts";

const NESTING_LIMIT = 200;

export abstract class PatternReader {
  /** Capturing groups so far. */
  groups = 0;
  protected readonly source: string;
  protected at = 0;
  protected depth = 0;

  constructor(source: string) {
    this.source = source;
  }

  whole(): Node {
    const node = this.choice();
    if (this.at < this.source.length) throw new PatternError("there is a ) without its (");
    return node;
  }

  /** Up to the end of a branch. */
  protected abstract sequence(): Node;
  /** Whether another branch follows. */
  protected abstract takeBar(): boolean;
  /** What is said of a pattern that ends where a character is needed. */
  protected abstract readonly endsEarly: string;

  protected choice(): Node {
    this.depth += 1;
    if (this.depth > NESTING_LIMIT) throw new PatternError("groups are nested too deep");
    const branches = [this.sequence()];
    while (this.takeBar()) branches.push(this.sequence());
    this.depth -= 1;
    return branches.length === 1 && branches[0] ? branches[0] : { is: "choice", nodes: branches };
  }

  protected next(): string {
    const code = this.source.codePointAt(this.at);
    if (code === undefined) throw new PatternError(this.endsEarly);
    const char = String.fromCodePoint(code);
    this.at += char.length;
    return char;
  }
}

export const sequenceOf = (nodes: readonly Node[]): Node =>
  nodes.length === 1 && nodes[0] ? nodes[0] : { is: "sequence", nodes };
