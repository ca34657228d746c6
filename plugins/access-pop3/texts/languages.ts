/** The languages of replies (RFC 6856 3), and which of them a client means. Another one is another file of texts. */
import { english, type Texts } from "./english.ts";
import { german } from "./german.ts";

export interface Language {
  /** RFC 5646 */
  readonly tag: string;
  /** In the language itself. */
  readonly name: string;
  readonly texts: Texts;
}

/** RFC 2277 4.5: what everybody gets who asks for nothing. */
export const defaultLanguage: Language = { tag: "i-default", name: "Default language", texts: english };

export const languages: readonly Language[] = [
  { tag: "en", name: "English", texts: english },
  { tag: "de", name: "Deutsch", texts: german },
  defaultLanguage,
];

/**
 * The language for a basic language range (RFC 4647 2.1), `null` if there is none. A range with more than we have ("de-AT") finds
 * what is nearest (RFC 4647 3.4); "*" is the default (RFC 6856 3.2).
 */
export function languageFor(range: string): Language | null {
  if (range === "*") return defaultLanguage;
  for (
    let wanted = range.toLowerCase();
    wanted !== "";
    wanted = wanted.slice(0, Math.max(0, wanted.lastIndexOf("-")))
  ) {
    const found = languages.find(({ tag }) => tag === wanted);
    if (found) return found;
  }
  return null;
}
