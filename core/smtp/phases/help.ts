/** HELP (RFC 5321 4.1.1.8): the verbs that this client may use here, or how one of them is written. */
import type { Answer } from "../conversation.ts";
import { reply } from "../reply.ts";

const unknownTopic = reply(504, "5.5.4", "There is no help for that");

/** `syntaxes` by verb, of those that are offered. */
export function help(syntaxes: ReadonlyMap<string, string>, argument: string): Answer {
  const topic = argument.trim().toUpperCase();
  if (topic === "") return reply(214, "2.0.0", [`Commands: ${[...syntaxes.keys()].join(" ")}`, "HELP verb tells more"]);
  const syntax = syntaxes.get(topic);
  return syntax === undefined ? unknownTopic : reply(214, "2.0.0", `Syntax: ${syntax}`);
}
