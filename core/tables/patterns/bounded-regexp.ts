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
  const exec = () => script.runInContext(room as Context, { timeout: TIME_LIMIT_MS }) as RegExpExecArray | null;
  try {
    try {
      return exec();
    } catch {
      // The clock counts what a busy machine gives to others, too: a quick pattern has a second chance.
      return exec();
    }
  } catch (cause) {
    throw new Error(`a pattern took longer than ${TIME_LIMIT_MS} ms, twice`, { cause });
  } finally {
    room.regExp = null;
    room.text = "";
  }
}
