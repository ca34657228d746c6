/** What a command is. It answers with one line, or `null` when it has written its response itself. */
import type { Maildrop } from "../maildrop.ts";
import { err, mistake, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";

export type Answer = Reply | null | Promise<Reply | null>;

/** `argument`: what stands behind the first blank, latin1; `null` if there is no blank. */
export type Command =
  | {
      readonly validIn: "any" | "authorization";
      run(session: Pop3Session, argument: string | null): Answer;
    }
  | {
      readonly validIn: "transaction";
      run(session: Pop3Session, argument: string | null, maildrop: Maildrop): Answer;
    };

export const noArgument: Reply = mistake("noArgument");

/** Lenient: blanks at the end of a line are no argument. */
export const isBare = (argument: string | null): boolean => argument === null || argument.trim() === "";

/** RFC 1939 3: a message number; `null` for what is none. */
export const numberIn = (text: string | null): number | null =>
  text !== null && /^ *\d{1,10} *$/.test(text) ? Number(text) : null;

/** Why there is no message of this number now. */
export const noMessage = (maildrop: Maildrop, number: number): Reply =>
  err(maildrop.has(number) ? "alreadyDeleted" : "noSuchMessage");
