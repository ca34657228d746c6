/** The key `spool:` of the config file: when no more mail is taken. */
import { type Static, Type } from "typebox";
import { Size } from "../../kernel/unit-schemas.ts";
import type { SpoolLimits } from "../../spool/limits.ts";

export const spoolKeys = Type.Object(
  {
    minFree: Size({
      description: "Mail is put off (452 4.3.1) that would leave less than this on the file system of `dataDir`.",
      minimum: "1MiB",
      default: "128MiB",
    }),
    maxMessages: Type.Integer({
      description:
        "Messages that may wait in the queue, of all workers together; beyond it mail is put off (452 4.3.1) until some are delivered.",
      minimum: 1000,
      maximum: 100_000_000,
      default: 2_000_000,
    }),
  },
  { description: "When no more mail is taken, because the queue is full. Clients are told to come back." },
);

export type SpoolConfig = Pick<SpoolLimits, "minFreeBytes" | "maxMessages">;

/** Each worker has a spool of its own, and its share of the messages. */
export const spoolConfigOf = ({ minFree, maxMessages }: Static<typeof spoolKeys>, workers: number): SpoolConfig => ({
  minFreeBytes: minFree,
  maxMessages: Math.ceil(maxMessages / workers),
});
