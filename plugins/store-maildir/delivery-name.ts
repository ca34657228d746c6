/**
 * Names of deliveries: the same for the same delivery id, whenever and wherever it is tried again. Ids of envelopes begin with their time
 * (nine digits of base 32, in milliseconds), which then stands in the name as the Maildir specification has it.
 */
import { createHash } from "node:crypto";
import { UNKNOWN_MS } from "./file-name.ts";

const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
const EARLIEST_MS = UNKNOWN_MS;
const LATEST_MS = Date.UTC(2200, 0, 1);

/** When the id was made, as far as it tells; `null` for ids of another kind. */
export function timeOfId(deliveryId: string): number | null {
  let timeMs = 0;
  for (const character of deliveryId.slice(0, 9)) {
    const digit = DIGITS.indexOf(character);
    if (digit < 0) return null;
    timeMs = timeMs * 32 + digit;
  }
  return timeMs > EARLIEST_MS && timeMs < LATEST_MS ? timeMs : null;
}

/** The beginning of the name; sizes follow it. */
export function deliveryName(deliveryId: string, host: string): string {
  const id = /^[A-Za-z0-9_.-]{1,80}$/.test(deliveryId)
    ? deliveryId
    : createHash("sha256").update(deliveryId).digest("hex").slice(0, 40);
  return `${Math.floor((timeOfId(deliveryId) ?? EARLIEST_MS) / 1000)}.I${id}.${host}`;
}
