/** A row of the table of what is where for those who come from Postfix. */
/** `core`: a key of the config file, or of a listener. `null`: there is none, and `note` says why. */
export interface Row {
  readonly postfix: string;
  readonly at: string | null;
  readonly option?: string;
  readonly note?: string;
}

export interface Section {
  readonly title: string;
  readonly text?: string;
  readonly rows: readonly Row[];
}

export const row = (postfix: string, at: string | null, option?: string, note?: string): Row => ({
  postfix,
  at,
  ...(option === undefined ? {} : { option }),
  ...(note === undefined ? {} : { note }),
});
