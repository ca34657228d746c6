/** CREATE (RFC 3501 6.3.3), with USE (RFC 6154 3). */
import { tellOldName } from "../list/old-name.ts";
import { canonicalName, normalizedName, refuseName } from "../mailbox-name.ts";
import { isStoreError, no, ok } from "../reply.ts";
import { specialUseCalled } from "../special-use.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

export const create = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = parser.mailbox();
    let asked: readonly string[] = [];
    if (parser.peek() === " ") {
      parser.space();
      if (!parser.isAtEnd) {
        parser.expect("(");
        if (!parser.takeWord("USE")) throw new SyntaxFault("Unknown CREATE parameter");
        parser.space();
        asked = parser.list(() => {
          parser.expect("\\");
          return `\\${parser.atom()}`;
        });
        parser.expect(")");
      }
    }
    parser.end();
    return { name, asked };
  },
  async run({ session, mailboxes }, { name, asked }) {
    // RFC 3501 6.3.3: a name that ends with the separator says that children will follow.
    const given = canonicalName(name.endsWith("/") ? name.slice(0, -1) : name);
    const wanted = normalizedName(given);
    const refusal = refuseName(wanted);
    if (refusal) return refusal;
    if (wanted === "INBOX") return no("INBOX exists always", "ALREADYEXISTS");
    const [use, ...others] = new Set(asked.map((word) => specialUseCalled(word)));
    // RFC 6154 3: NO [USEATTR] if a use cannot be given; a mailbox has one here.
    if (others.length > 0 || (asked.length > 0 && use === undefined))
      return no("This special use cannot be had", "USEATTR");
    try {
      await mailboxes.create(wanted, use);
    } catch (fault) {
      if (use === undefined || !isStoreError(fault, "cannot")) throw fault;
      // RFC 6154 3: the use was taken by another mailbox, or the name was not possible.
      const isTaken = (await mailboxes.list()).some((listing) => listing.specialUse === use);
      if (!isTaken) throw fault;
      return no("Another mailbox has this special use", "USEATTR");
    }
    tellOldName(session, { name: wanted, oldName: given });
    // RFC 8474 4.1
    const status = await mailboxes.status(wanted).catch((fault: unknown) => {
      // RFC 4314 4: whoever may make mailboxes somewhere may perhaps not read them.
      if (isStoreError(fault, "noPermission") || isStoreError(fault, "nonexistent")) return null;
      throw fault;
    });
    return ok("Create completed", status && `MAILBOXID (${status.mailboxId})`);
  },
});
