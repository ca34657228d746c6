/**
 * A backtracking regular expression with a bound on its time: V8 is interrupted, whatever it is doing. Throws when the bound is
 * reached, so that the question has no answer rather than a wrong one.
 */
import { type Context, createContext, Script } from "node:vm";

const TIME_LIMIT_MS = 50;

const script = new Script("regExp.exec(text)");
let room: Context | null = null;

export function execBounded(regExp: RegExp, text: string): RegExpExecArray | null {
  room ??= createContext(Object.create(null));
  room.regExp = regExp;
  room.text = text;
  try {
    return script.runInContext(room, { timeout: TIME_LIMIT_MS }) as RegExpExecArray | null;
  } catch (cause) {
    throw new Error(`a pattern took longer than ${TIME_LIMIT_MS} ms`, { cause });
  } finally {
    room.regExp = null;
    room.text = "";
  }
}
