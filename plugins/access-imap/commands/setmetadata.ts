/** SETMETADATA (RFC 5464 4.3): all entries of the command, or none. A special use is set by its entry (RFC 6154 4). */
import type { AccountMailboxes, SpecialUse } from "postern/plugin";
import { canonicalName, existingName } from "../mailbox-name.ts";
import { parseEntry } from "../metadata/entries.ts";
import { specialUseEntry, specialUseOf } from "../metadata/read.ts";
import { isStoreError, no, ok, type Reply } from "../reply.ts";
import { specialUseCalled } from "../special-use.ts";
import type { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { defineCommand } from "./command.ts";

type Entries = Map<string, Buffer | null>;

export const setMetadata = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const name = canonicalName(parser.mailbox());
    parser.space();
    const entries: Entries = new Map();
    parser.list(() => {
      const entry = parseEntry(parser);
      parser.space();
      entries.set(entry, parseValue(parser));
    });
    if (entries.size === 0) throw new SyntaxFault("Expected entries and values");
    parser.end();
    return { name, entries };
  },
  async run({ mailboxes }, { name: given, entries }) {
    const refusal = refuseEntries(mailboxes, given, entries);
    if (refusal) return refusal;
    try {
      if (given === "") await mailboxes.annotate(null, entries);
      else {
        const name = await existingName(mailboxes, given);
        if (!entries.has(specialUseEntry)) await mailboxes.annotate(name, entries);
        else return await annotateWithUse(mailboxes, name, entries);
      }
    } catch (fault) {
      return answer(fault, entries);
    }
    return ok("Setmetadata completed");
  },
});

/** NIL removes. */
function parseValue(parser: CommandParser): Buffer | null {
  // RFC 5464 5: a literal8, whose mark stands before it.
  if (parser.take("~")) return parser.literal();
  const text = parser.nstring();
  return text === null ? null : Buffer.from(text, "latin1");
}

function refuseEntries(mailboxes: AccountMailboxes, name: string, entries: Entries): Reply | null {
  const limit = mailboxes.annotationLimits.valueBytes;
  for (const [entry, value] of entries) {
    if (value !== null && value.length > limit) return no("Value is too large", `METADATA MAXSIZE ${limit}`);
    // RFC 5464 3.2: below vendor/ there are names of at least four components.
    if (/^\/(?:private|shared)\/vendor(?:\/[^/]+)?$/.test(entry)) return no("Not the name of an entry", "CANNOT");
    // RFC 5464 3.2.1.1, 3.3: what the server says of itself is its administrator's.
    if (name === "" && entry.startsWith("/shared/")) return no("Entries of the server are not yours to set", "NOPERM");
  }
  return null;
}

/** RFC 6154 4: the new use is checked as CREATE does it; where the rest fails, the old one comes back. */
async function annotateWithUse(mailboxes: AccountMailboxes, name: string, entries: Entries): Promise<Reply> {
  const value = entries.get(specialUseEntry) ?? null;
  const words =
    value === null
      ? []
      : value
          .toString("latin1")
          .split(" ")
          .filter((word) => word !== "");
  const [use, ...others] = new Set(words.map((word) => specialUseCalled(word)));
  if (others.length > 0 || (words.length > 0 && use === undefined))
    return no("This special use cannot be had", "USEATTR");
  const rest: Entries = new Map([...entries].filter(([entry]) => entry !== specialUseEntry));
  const before = await specialUseOf(mailboxes, name);
  if (before !== (use ?? null)) {
    const refusal = await setUse(mailboxes, name, use ?? null);
    if (refusal) return refusal;
  }
  if (rest.size === 0) return ok("Setmetadata completed");
  try {
    await mailboxes.annotate(name, rest);
  } catch (fault) {
    await mailboxes.setSpecialUse(name, before);
    return answer(fault, rest);
  }
  return ok("Setmetadata completed");
}

async function setUse(mailboxes: AccountMailboxes, name: string, use: SpecialUse | null): Promise<Reply | null> {
  try {
    await mailboxes.setSpecialUse(name, use);
    return null;
  } catch (fault) {
    if (isStoreError(fault, "cannot")) return no("Another mailbox has this special use", "USEATTR");
    throw fault;
  }
}

function answer(fault: unknown, entries: Entries): Reply {
  // RFC 5464 4.3: sizes were looked at before.
  if (isStoreError(fault, "limit")) return no("Too many annotations", "METADATA TOOMANY");
  // RFC 5464 4.3: names were looked at before, so there is no place for what is a reader's own.
  const isPrivate = [...entries.keys()].some((entry) => entry.startsWith("/private/"));
  if (isPrivate && isStoreError(fault, "cannot"))
    return no("Private annotations cannot be kept here", "METADATA NOPRIVATE");
  throw fault;
}
