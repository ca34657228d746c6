/** The shape of a command: one file each, `parse` from the wire, `run` against the session. */
import { canonicalName } from "../mailbox-name.ts";
import type { Reply } from "../reply.ts";
import type { ImapSession, WithMailboxes, WithSelected } from "../session.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import type { AnnouncedLiteral } from "../wire/command-reader.ts";

/** What the command may use besides its arguments. */
export interface Invocation {
  readonly session: ImapSession;
  readonly tag: string;
  /** The literal announced last, for commands that read it as a stream. */
  readonly literal: AnnouncedLiteral | null;
}

type Given = {
  any: Invocation;
  notAuthenticated: Invocation;
  authenticated: Invocation & WithMailboxes;
  selected: Invocation & WithSelected;
};
/** States in which it is valid (RFC 3501 6); `authenticated` includes selected. */
export type ValidIn = keyof Given;

export interface Command<S extends ValidIn = ValidIn, A = never> {
  readonly validIn: S;
  /** Arguments behind the command's name, up to the end of the line. Throws `SyntaxFault`. */
  parse(parser: CommandParser): A;
  /** `null`: there is no tagged response, the connection is over. */
  run(given: Given[S], args: A): Reply | null | Promise<Reply | null>;
  /** RFC 3501 7.4.1: no EXPUNGE response while this command runs. Left out: allowed. */
  readonly mayExpunge?: boolean;
  /** Looks for news in the selected mailbox before it ends, also when nobody gave a hint. */
  readonly syncs?: boolean;
  /** Whether the literal that comes next is to be left on the wire for `run`. */
  wantsStream?(parser: CommandParser): boolean;
}

export type AnyCommand = Command<ValidIn, unknown>;

/** Gives types to a command. */
export function defineCommand<S extends ValidIn, A>(command: Command<S, A>): AnyCommand {
  return command as unknown as AnyCommand;
}

/** The two forms of a command: `isUid` says whether the numbers of its arguments are UIDs. */
interface BothForms<A> extends Pick<Command, "syncs" | "wantsStream"> {
  parse(parser: CommandParser): A;
  run(given: Given["selected"], args: A, isUid: boolean): Promise<Reply | null>;
  /** Of the form with sequence numbers: EXPUNGE responses may always follow the other (RFC 3501 7.4.1). */
  readonly mayExpunge?: boolean;
}

/** A command and its UID form (RFC 3501 6.4.8). */
export function withUidForm<A>({ mayExpunge = true, run, ...both }: BothForms<A>): readonly [AnyCommand, AnyCommand] {
  return [
    defineCommand({ ...both, validIn: "selected", mayExpunge, run: (given, args: A) => run(given, args, false) }),
    defineCommand({ ...both, validIn: "selected", run: (given, args: A) => run(given, args, true) }),
  ];
}

/** For commands without arguments. */
export function parseNothing(parser: CommandParser): void {
  parser.end();
}

/** For commands with a mailbox and nothing else. */
export function parseMailboxName(parser: CommandParser): string {
  parser.space();
  const name = canonicalName(parser.mailbox());
  parser.end();
  return name;
}
