/** What all the lists say of one client and its message, side by side and within one bound of time. Never rejects. */
import type { BlockList } from "./block-list.ts";
import type { Site } from "./site.ts";

/** Whom a list is about. */
export type Subject = "client" | "clientName" | "helo" | "sender" | "recipient";

export interface Question {
  readonly subject: Subject;
  /** As a client would write it: an address, a domain. */
  readonly what: string;
  /** As the list has it. */
  readonly name: string;
  readonly site: Site;
  readonly list: BlockList;
}

export interface Hit {
  readonly question: Question;
  readonly code: string;
}

export interface Score {
  readonly total: number;
  readonly hits: readonly Hit[];
  readonly failed: readonly Site[];
}

export async function score(questions: readonly Question[], signal: AbortSignal): Promise<Score> {
  const listings = await Promise.all(questions.map(({ list, name }) => list.find(name, signal)));
  const hits: Hit[] = [];
  const failed: Site[] = [];
  for (const [at, question] of questions.entries()) {
    const listing = listings[at];
    if (listing?.at !== "told") {
      failed.push(question.site);
      continue;
    }
    const code = listing.codes.find(question.site.matches);
    if (code !== undefined) hits.push({ question, code });
  }
  return { total: hits.reduce((sum, { question }) => sum + question.site.weight, 0), hits, failed };
}

/** The hit that a refusal names: the heaviest one. */
export const gravest = ({ hits }: Score): Hit | null =>
  hits.reduce<Hit | null>(
    (most, hit) => (most === null || hit.question.site.weight > most.question.site.weight ? hit : most),
    null,
  );

/** Whether friends who could not be asked might have brought it below the threshold. */
export const mightBeSaved = ({ total, failed }: Score, threshold: number): boolean =>
  failed.reduce((sum, { weight }) => sum + Math.min(0, weight), total) < threshold;
