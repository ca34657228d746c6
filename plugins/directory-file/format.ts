/** What a format of accounts files can do. Works on text alone; `parse` throws `AccountsFileError`. */
import type { Address } from "postern/mail";
import type { AccountsContent } from "./content.ts";

export interface AccountsFormat {
  /** `domains`: of the plugin's options; they complete bare names. */
  parse(text: string, file: string, domains: readonly string[]): AccountsContent;
  add(text: string, account: { readonly address: Address; readonly secret: string }): string;
  /** `index`: the account's place in the list that `parse` made of the same text. */
  setSecret(text: string, index: number, secret: string): string;
  /** One of the account's secrets; `null` if it is not among them. */
  replaceSecret(text: string, index: number, old: string, fresh: string): string | null;
  remove(text: string, index: number): string;
}
