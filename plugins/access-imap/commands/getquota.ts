/** GETQUOTA (RFC 9208 4.1.1) */
import { formatQuota, quotaRoot } from "../quota.ts";
import { no, ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const getQuota = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const root = parser.astring();
    parser.end();
    return root;
  },
  async run({ session, mailboxes }, root) {
    const state = root === quotaRoot ? await mailboxes.quota() : null;
    if (!state) return no("No such quota root", "NONEXISTENT");
    session.out.line(`* ${formatQuota(state)}`);
    return ok("Getquota completed");
  },
});
