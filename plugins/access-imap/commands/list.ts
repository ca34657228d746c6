/** LIST (RFC 3501 6.3.8), extended (RFC 5258, RFC 9051 6.3.9); CHILDREN (RFC 3348) and SPECIAL-USE (RFC 6154 2) are always told. */
import { type ListRequest, parseListRequest } from "../list/arguments.ts";
import { MailboxPatterns } from "../list/patterns.ts";
import { tellRow } from "../list/respond.ts";
import { candidateNames, listRows } from "../list/rows.ts";
import { Pace } from "../pace.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const list = defineCommand({
  validIn: "authenticated",
  parse: parseListRequest,
  async run({ session, mailboxes }, request: ListRequest) {
    const { reference, patterns, isExtended, selections, returns } = request;
    if (!isExtended && patterns[0] === "") {
      // RFC 3501 6.3.8: an empty pattern asks for the separator and the root of the reference.
      session.out.line(`* LIST (\\Noselect) "${mailboxes.separator}" ""`);
      return ok("List completed");
    }
    // RFC 5258 3: an empty pattern of an extended LIST matches nothing; so does what is no name.
    const texts = reference === null ? [] : patterns.filter((text) => text !== null && text !== "");
    const wanted = new MailboxPatterns(texts.map((text) => `${reference}${text}`));
    const listings = await mailboxes.list();
    const subscriptions = selections.has("SUBSCRIBED") || returns.isSubscribed ? await mailboxes.subscriptions() : [];
    const known = { listings, subscriptions };
    const pace = new Pace(session.connection.closed);
    const matching = new Set<string>();
    for (const name of candidateNames(known, request)) {
      if (wanted.matches(name)) matching.add(name);
      const pause = pace.breathe();
      if (pause) await pause;
    }
    for (const row of listRows(known, request, matching)) {
      await tellRow(session, mailboxes, { row, returns });
      const pause = pace.breathe();
      if (!pause) continue;
      await pause;
      // STATUS of many mailboxes takes its time: what is known is on its way meanwhile.
      await session.out.flush();
    }
    return ok("List completed");
  },
});
