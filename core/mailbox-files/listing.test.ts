import { expect, it } from "vitest";
import { listingsOf } from "./listing.ts";

it("lists INBOX first, and steps on the way to mailboxes as such", () => {
  const listed = listingsOf(["b/c/d", "a", "INBOX", "b"], {
    subscribed: ["b/c", "gone"],
    uses: new Map([
      ["a", "\\Sent"],
      ["b/c", "\\Trash"],
    ]),
  });
  expect(listed).toEqual([
    { name: "INBOX", isSelectable: true, hasChildren: false, isSubscribed: false, specialUse: null },
    { name: "a", isSelectable: true, hasChildren: false, isSubscribed: false, specialUse: "\\Sent" },
    { name: "b", isSelectable: true, hasChildren: true, isSubscribed: false, specialUse: null },
    { name: "b/c", isSelectable: false, hasChildren: true, isSubscribed: true, specialUse: null },
    { name: "b/c/d", isSelectable: true, hasChildren: false, isSubscribed: false, specialUse: null },
  ]);
});
