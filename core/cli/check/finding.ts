/** One thing that `postern check` has to say. */
export interface Finding {
  readonly severity: "error" | "warning";
  /** The config entry or listener it is about; `null`: the whole. */
  readonly about: string | null;
  readonly where: { readonly file: string; readonly line: number } | null;
  readonly text: string;
}

export const errorAt = (about: string | null, text: string): Finding => ({
  severity: "error",
  about,
  where: null,
  text,
});
export const warningAt = (about: string | null, text: string): Finding => ({
  severity: "warning",
  about,
  where: null,
  text,
});
