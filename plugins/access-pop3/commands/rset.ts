import type { Maildrop } from "../maildrop.ts";
import { ok, type Reply } from "../reply.ts";
import { type Command, isBare, noArgument } from "./command.ts";

/** RFC 1939 5 */
export const rset: Command = {
  validIn: "transaction",
  run(session, argument, maildrop) {
    if (!isBare(argument)) return noArgument;
    maildrop.unmarkAll();
    const octets = maildrop.sizeBytes(session.connection);
    return octets instanceof Promise ? octets.then((counted) => state(maildrop, counted)) : state(maildrop, octets);
  },
};

const state = ({ count }: Maildrop, octets: number): Reply => ok("messages", { count, octets });
