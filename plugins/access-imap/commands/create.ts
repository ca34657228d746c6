/** CREATE (RFC 3501 6.3.3), with USE (RFC 6154 3). */
import type { SpecialUse } from "postern/plugin";
import { canonicalName, refuseName } from "../mailbox-name.ts";
import { no, ok } from "../reply.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

const uses: readonly SpecialUse[] = ["\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"];

export const create = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = parser.mailbox();
    let asked: readonly string[] = [];
    if (parser.peek() === " ") {
      parser.space();
      parser.expect("(");
      if (!parser.takeWord("USE")) throw new SyntaxFault("Unknown CREATE parameter");
      parser.space();
      asked = parser.list(() => {
        parser.expect("\\");
        return `\\${parser.atom().toLowerCase()}`;
      });
      parser.expect(")");
    }
    parser.end();
    return { name, asked };
  },
  async run({ mailboxes }, { name, asked }) {
    // RFC 3501 6.3.3: a name that ends with the separator says that children will follow.
    const wanted = canonicalName(name.endsWith("/") ? name.slice(0, -1) : name);
    const refusal = refuseName(wanted);
    if (refusal) return refusal;
    if (wanted === "INBOX") return no("INBOX exists always", "ALREADYEXISTS");
    const special = asked.map((use) => uses.find((known) => known.toLowerCase() === use));
    // RFC 6154 3: NO [USEATTR] if a use cannot be given.
    if (special.length > 1 || special.includes(undefined)) return no("This special use cannot be had", "USEATTR");
    await mailboxes.create(wanted, special[0]);
    return ok("Create completed");
  },
});
