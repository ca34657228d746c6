import type { Maildrop } from "../maildrop.ts";
import { okData, type Reply } from "../reply.ts";
import { type Command, isBare, noArgument } from "./command.ts";

/** RFC 1939 5 */
export const stat: Command = {
  validIn: "transaction",
  run(session, argument, maildrop) {
    if (!isBare(argument)) return noArgument;
    const octets = maildrop.sizeBytes(session.connection);
    return octets instanceof Promise ? octets.then((counted) => listing(maildrop, counted)) : listing(maildrop, octets);
  },
};

const listing = ({ count }: Maildrop, octets: number): Reply => okData(`${count} ${octets}`);
