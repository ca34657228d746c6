import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CommandParser } from "../wire/command-parser.ts";
import { SyntaxFault } from "../wire/syntax-fault.ts";
import { parseEventGroups } from "./event-groups.ts";
import { isWanted, type NamedMailbox } from "./scope.ts";

const parse = (text: string) => parseEventGroups(new CommandParser([text]));
const mailbox = (name: string, facts: Partial<NamedMailbox> = {}): NamedMailbox => ({
  ...{ name, isSelectable: true, isSubscribed: false, isPersonal: true, listing: undefined },
  ...facts,
});

describe("event groups of NOTIFY", () => {
  it("are for the selected mailbox, with items to fetch", () => {
    const { selected, others } = parse(" (SELECTED (MessageNew (uid flags) messageexpunge FLAGCHANGE))");
    expect(selected?.isDelayed).toBe(false);
    expect(selected?.events.items.map(({ item }) => item)).toEqual(["uid", "flags"]);
    expect(selected?.events).toMatchObject({ messages: true, flags: true, names: false });
    expect(others).toEqual([]);
  });

  it("several may mean the same mailbox", () => {
    const { others } = parse(" (mailboxes INBOX (MessageNew MessageExpunge)) (subtree (Lists Old) (MailboxName))");
    expect(isWanted(others, mailbox("INBOX"), "messages")).toBe(true);
    expect(isWanted(others, mailbox("INBOX"), "names")).toBe(false);
    expect(isWanted(others, mailbox("Lists"), "names")).toBe(true);
    expect(isWanted(others, mailbox("Lists/One"), "names")).toBe(true);
    expect(isWanted(others, mailbox("Listserv"), "names")).toBe(false);
  });

  it("PERSONAL leaves out what others share, SUBSCRIBED what is not on the list", () => {
    const personal = parse(" (personal (MessageNew MessageExpunge))").others;
    expect(isWanted(personal, mailbox("Any"), "messages")).toBe(true);
    expect(isWanted(personal, mailbox("Shared/x", { isPersonal: false }), "messages")).toBe(false);
    const subscribed = parse(" (subscribed (MessageNew MessageExpunge))").others;
    expect(isWanted(subscribed, mailbox("Any"), "messages")).toBe(false);
    expect(isWanted(subscribed, mailbox("Any", { isSubscribed: true }), "messages")).toBe(true);
  });

  it("NONE is no event, and what is not known is said", () => {
    expect(parse(" (selected NONE)").selected?.events.messages).toBe(false);
    expect(parse(" (personal (MailboxName Later))").isUnsupported).toBe(true);
  });

  it.each([
    "",
    " ()",
    " (selected)",
    " (selected ())",
    " (selected (MessageNew))",
    " (selected (FlagChange))",
    " (personal (MessageNew (uid) MessageExpunge))",
    " (selected (MailboxName))",
    " (selected NONE) (selected-delayed NONE)",
    " (mailboxes () (MailboxName))",
    " (subtree (MailboxName))",
    " (nowhere NONE)",
    " (personal NONE) x",
  ])("refuses %j", (text) => expect(() => parse(text)).toThrow(SyntaxFault));

  it("throws nothing but SyntaxFault, whatever comes", () => {
    const words = [
      "selected",
      "personal",
      "subtree",
      "mailboxes",
      "INBOX",
      "MessageNew",
      "MessageExpunge",
      "NONE",
      "uid",
    ];
    const piece = fc.constantFrom(...words, " ", " ", "(", ")", '"', "\\", "*");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 16 }), (parts) => {
        try {
          parse(` (${parts.join("")}`);
        } catch (fault) {
          expect(fault).toBeInstanceOf(SyntaxFault);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
