/** Options that every store over files has, as its config schema says them. */
import { Type } from "typebox";
import { Duration } from "../kernel/unit-schemas.ts";

export const UsualUses = Type.Record(
  Type.String(),
  Type.String({ pattern: "^\\\\(All|Archive|Drafts|Flagged|Important|Junk|Sent|Trash)$" }),
  {
    default: {
      Drafts: "\\Drafts",
      Junk: "\\Junk",
      Sent: "\\Sent",
      "Sent Messages": "\\Sent",
      Trash: "\\Trash",
      Archive: "\\Archive",
    },
    description: "Uses (RFC 6154) that mailboxes have by their names.",
  },
);

export const CheckEvery = Duration({
  default: "30s",
  minimum: "1s",
  description: "How often open mailboxes with waiting clients are looked at, whatever inotify says.",
});
