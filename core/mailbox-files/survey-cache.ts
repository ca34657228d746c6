/**
 * What messages look like inside: MIME structures and overviews that were asked for, the latest ones here, others in the index, where there
 * is one. A message never changes, so neither does this.
 */
import type { Readable } from "node:stream";
import type { IndexedMailbox } from "../contracts/mailbox-index.ts";
import type { MessageOverview } from "../mail/overview.ts";
import { packOverview, packStructure, unpackOverview, unpackStructure } from "../mail/packed-survey.ts";
import type { Structure } from "../mail/structure/structure.ts";
import { type Survey, surveyMessage, surveyStream } from "../mail/survey.ts";
import { storeError } from "./errors.ts";

/** How a store gets at a message of its own. */
export interface SurveySource<M> {
  /** The same for the same message, and for no other of this process. */
  key(message: M): string;
  internalDate(message: M): number;
  /** `null` if it is larger than the limit. */
  bytes(message: M, limitBytes: number): Promise<Buffer | null>;
  stream(message: M): Readable | Promise<Readable>;
}

const IN_MEMORY_BYTES = 512 * 1024;
const MAX_PARTS = 50_000;

const partsOf = (structure: Structure): number => {
  let parts = 1 + (structure.message ? partsOf(structure.message) : 0);
  for (const child of structure.children) parts += partsOf(child);
  return parts;
};

export class SurveyCache<M extends { readonly uid: number }> {
  readonly #source: SurveySource<M>;
  readonly #known = new Map<string, { readonly survey: Survey; readonly parts: number }>();
  #parts = 0;

  constructor(source: SurveySource<M>) {
    this.#source = source;
  }

  structure(message: M, index: IndexedMailbox | null): Structure | Promise<Structure> {
    const known = this.#find(message)?.structure ?? unpackStructure(index?.detail(message.uid, "structure"));
    return known ?? this.#make(message, index).then(({ structure }) => structure);
  }

  overview(message: M, index: IndexedMailbox | null): MessageOverview | Promise<MessageOverview> {
    const known = this.#find(message)?.overview ?? unpackOverview(index?.detail(message.uid, "overview"));
    return known ?? this.#make(message, index).then(({ overview }) => overview);
  }

  #find(message: M): Survey | null {
    const key = this.#source.key(message);
    const known = this.#known.get(key);
    if (!known) return null;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known.survey;
  }

  async #make(message: M, index: IndexedMailbox | null): Promise<Survey> {
    const survey = await this.#look(message);
    index?.keep(message.uid, "overview", packOverview(survey.overview));
    index?.keep(message.uid, "structure", packStructure(survey.structure));
    if (!this.#known.has(this.#source.key(message))) this.#keep(this.#source.key(message), survey);
    return survey;
  }

  #keep(key: string, survey: Survey): void {
    const parts = partsOf(survey.structure);
    this.#known.set(key, { survey, parts });
    this.#parts += parts;
    for (const [oldest, { parts: freed }] of this.#known) {
      if (this.#parts <= MAX_PARTS) break;
      this.#known.delete(oldest);
      this.#parts -= freed;
    }
  }

  async #look(message: M): Promise<Survey> {
    const bytes = await this.#source.bytes(message, IN_MEMORY_BYTES);
    const internalDate = this.#source.internalDate(message);
    if (bytes) return surveyMessage(bytes, internalDate);
    try {
      return await surveyStream(await this.#source.stream(message), internalDate);
    } catch (cause) {
      throw storeError(cause);
    }
  }
}
