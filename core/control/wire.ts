/** An answer on the control socket: a line of JSON; the octets of a piece follow it as they are, and nobody has to look at them. */
import type { OctetReader } from "./octets.ts";
import type { ControlAnswer } from "./request.ts";

type Headed = Exclude<ControlAnswer, { readonly is: "piece" }> | { readonly is: "piece"; readonly octets: number };

/** All that is not a piece is of this length at the most: an envelope with all its recipients is the longest. */
const LINE_OCTETS = 64 * 1024 * 1024;
const PIECE_OCTETS = 8 * 1024 * 1024;

export const headOf = (answer: ControlAnswer): string => {
  const head: Headed = answer.is === "piece" ? { is: "piece", octets: answer.piece.length } : answer;
  return `${JSON.stringify(head)}\n`;
};

/** `null`: the other side has ended. Throws for what no server says. */
export async function nextAnswer(reader: OctetReader): Promise<ControlAnswer | null> {
  const line = await reader.line(LINE_OCTETS);
  if (line === null) return null;
  const head = JSON.parse(line) as Headed;
  if (head.is !== "piece") return head;
  const { octets } = head;
  if (!(octets >= 0 && octets <= PIECE_OCTETS)) throw new RangeError("a piece on the control socket is too long");
  const piece = await reader.take(octets);
  return piece && { is: "piece", piece };
}
