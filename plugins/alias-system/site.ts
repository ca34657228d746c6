/** What the parts of alias-system share: its options and whom they ask. */
import type { Accounts, Clock, LocalCommands, Log, ServerFacts, Table } from "postern/plugin";

export interface Allowed {
  readonly includes: boolean;
  readonly commands: boolean;
  readonly files: boolean;
}

export interface Site {
  readonly tables: readonly Table[];
  readonly facts: ServerFacts;
  readonly accounts: Accounts;
  readonly commands: LocalCommands | undefined;
  readonly log: Log;
  readonly clock: Clock;
  /** In lower case. */
  readonly domains: ReadonlySet<string>;
  /** What aliases may lead to. */
  readonly allowed: Allowed;
  /** `null`: nobody's `.forward` is read. */
  readonly forward: {
    readonly file: string;
    readonly maxSize: number;
    readonly recipientDelimiter: string;
    readonly allowed: Allowed;
  } | null;
}
