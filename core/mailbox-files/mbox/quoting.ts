/** How `From ` at the beginning of a line of text is written: `>` before any number of `>`, before none only, or not at all. */
export type MboxQuoting = "mboxrd" | "mboxo" | "none";

/** More than so many `>` before a `From ` are no quoting. */
export const MAX_MARKS = 60_000;
