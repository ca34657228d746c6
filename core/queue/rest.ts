/** What becomes of a message for which nothing more is done at present. */
export type Rest =
  /** Delivered, held, removed, or the spool's business. */
  | { readonly at: "gone" }
  /** To be tried as soon as there is room. */
  | { readonly at: "ready" }
  /** Somebody else has it: the lane that it waits for. */
  | { readonly at: "parked" }
  /** Milliseconds since 1970. */
  | { readonly at: "due"; readonly dueAt: number };

export const gone: Rest = { at: "gone" };
export const ready: Rest = { at: "ready" };
export const parked: Rest = { at: "parked" };
