/** What a command is. It answers with one line, or `null` when it has written its response itself. */
import type { Maildrop } from "../maildrop.ts";
import { mistake, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";

type Answer = Reply | null | Promise<Reply | null>;

export type Command =
  | {
      readonly validIn: "any" | "authorization";
      run(session: Pop3Session, argument: string | null): Answer;
    }
  | {
      readonly validIn: "transaction";
      run(session: Pop3Session, argument: string | null, maildrop: Maildrop): Answer;
    };

export const noArgument: Reply = mistake("This command has no argument");
export const noSuchMessage: Reply = { ...mistake("No such message"), isMistake: false };

/** RFC 1939 3: a message number; `null` for what is none. */
export const numberIn = (text: string | null): number | null =>
  text !== null && /^\d{1,10}$/.test(text.trim()) ? Number(text) : null;
