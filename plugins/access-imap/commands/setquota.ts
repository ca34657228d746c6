/** SETQUOTA (RFC 9208 4.1.3) is refused: limits are the operator's. So QUOTASET is not announced. */
import { no } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const setQuota = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    parser.astring();
    parser.space();
    parser.list(() => {
      parser.atom();
      parser.space();
      parser.number();
    });
    parser.end();
  },
  run: () => no("Limits are set by the administrator", "NOPERM"),
});
