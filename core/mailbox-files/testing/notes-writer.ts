/** Changes a note over and over until it is killed: each text says how many lines it has. */
import { notesBeside } from "../notes.ts";

const [directory = ""] = process.argv.slice(2);
const notes = notesBeside({ directory: () => directory });
for (let count = 1; ; count = (count % 500) + 1) {
  const lines = Array.from({ length: count }, (_, at) => `user=reader${at} lrs\n`);
  await notes.change("box", "acl", () => `${lines.join("")}# ${count}\n`);
  if (count === 3) process.send?.("at it");
}
