/** Delivery reports as a test reads them, and a delivery whose outcomes are told by its addresses. */
import type { Outcome } from "../contracts/delivery.ts";
import { createHeaders } from "../mail/header.ts";
import { type Delivered, outcomes } from "./mail-plugins.ts";

/** Local mail is delivered; elsewhere it goes as the local part says. */
export const byName = (name: string): Outcome => {
  if (name.endsWith("@example.org")) return outcomes.delivered;
  if (name.startsWith("dead")) return outcomes.failed;
  if (name.startsWith("slow")) return outcomes.deferred;
  if (name.startsWith("dsn")) return { ...outcomes.relayed, isDsnPassedOn: true };
  return name.startsWith("box") ? outcomes.delivered : outcomes.relayed;
};

export const reportsOf = (delivered: readonly Delivered[]) => delivered.filter(({ origin }) => origin === "bounce");

export const partsOf = ({ text }: Delivered): readonly string[] => {
  const boundary = /boundary="([^"]+)"/.exec(text)?.[1] ?? "none";
  return text.split(`\r\n--${boundary}`).slice(1, -1);
};
/** What each recipient's group says: `failed x@y 5.1.1`. */
export const groupsOf = (report: Delivered): readonly string[] => {
  const [, status = ""] = partsOf(report);
  return status
    .slice(status.indexOf("\r\n\r\n") + 4)
    .split("\r\n\r\n")
    .slice(1)
    .map((group) => createHeaders(Buffer.from(`${group}\r\n`)))
    .map((fields) => `${fields.get("Action")} ${fields.get("Final-Recipient")} ${fields.get("Status")}`);
};
