/**
 * What messages look like inside: MIME structures, overviews and gists that were asked for, in the index where there is one, else the latest
 * ones here. A message never changes, so neither does this.
 */
import type { Readable } from "node:stream";
import type { IndexedMailbox } from "../contracts/mailbox-index.ts";
import type { MessageGist, MessageOverview } from "../mail/overview.ts";
import { packGist, packSurvey, unpackGist, unpackSurvey } from "../mail/packed-survey.ts";
import type { Structure } from "../mail/structure/structure.ts";
import { gistOf, type Survey, surveyMessage, surveyStream, type WholeSurvey } from "../mail/survey.ts";
import { storeError } from "./errors.ts";

type Bytes = Buffer | null;

/** How a store gets at a message of its own. */
export interface SurveySource<M> {
  /** The same for the same message, and for no other of this process. */
  key(message: M): string;
  internalDate(message: M): number;
  /** `null` if it is larger than the limit. What it answers may be overwritten by the next call. */
  bytes(message: M, limitBytes: number): Bytes | Promise<Bytes>;
  stream(message: M): Readable | Promise<Readable>;
}

const IN_MEMORY_BYTES = 512 * 1024;
const MAX_PARTS = 50_000;

const partsOf = (structure: Structure): number => {
  let parts = 1 + (structure.message ? partsOf(structure.message) : 0);
  for (const child of structure.children) parts += partsOf(child);
  return parts;
};

const partsIn = (known: Known<unknown> | undefined): number => (known ? partsOf(known.survey.structure) : 0);

interface Known<M> {
  readonly message: M;
  readonly survey: Survey;
  gist: MessageGist | null;
}

export class SurveyCache<M extends { readonly uid: number }> {
  readonly #source: SurveySource<M>;
  /** Of messages that no index keeps, the one that was asked for longest ago first. */
  readonly #known = new Map<string, Known<M>>();
  #parts = 0;
  /** Whoever asks for one thing of a message asks for others. */
  #latest: Known<M> | null = null;

  constructor(source: SurveySource<M>) {
    this.#source = source;
  }

  structure(message: M, index: IndexedMailbox | null): Structure | Promise<Structure> {
    const survey = this.#survey(message, index);
    return survey instanceof Promise ? survey.then(({ structure }) => structure) : survey.structure;
  }

  overview(message: M, index: IndexedMailbox | null): MessageOverview | Promise<MessageOverview> {
    const survey = this.#survey(message, index);
    return survey instanceof Promise ? survey.then(({ overview }) => overview) : survey.overview;
  }

  gist(message: M, index: IndexedMailbox | null): MessageGist | Promise<MessageGist> {
    const known = this.knownGist(message, index);
    if (known) return known;
    const bytes = this.#source.bytes(message, IN_MEMORY_BYTES);
    return bytes instanceof Promise
      ? bytes.then((read) => this.#findGist(message, index, read))
      : this.#findGist(message, index, bytes);
  }

  knownGist(message: M, index: IndexedMailbox | null): MessageGist | null {
    return this.#remembered(message)?.gist ?? unpackGist(index?.detail(message.uid, "gist") ?? null);
  }

  #survey(message: M, index: IndexedMailbox | null): Survey | Promise<Survey> {
    const known = this.#find(message, index);
    if (known) return known;
    const bytes = this.#source.bytes(message, IN_MEMORY_BYTES);
    return bytes instanceof Promise
      ? bytes.then((read) => this.#findSurvey(message, index, read))
      : this.#findSurvey(message, index, bytes);
  }

  #findSurvey(message: M, index: IndexedMailbox | null, bytes: Bytes): Survey | Promise<Survey> {
    return bytes ? this.#keepSurvey(message, index, surveyMessage(bytes)) : this.#stream(message, index);
  }

  #findGist(message: M, index: IndexedMailbox | null, bytes: Bytes): MessageGist | Promise<MessageGist> {
    if (!bytes) return this.#stream(message, index).then(({ gist }) => gist);
    const survey = this.#find(message, index) ?? this.#keepSurvey(message, index, surveyMessage(bytes));
    return this.#keepGist(message, index, gistOf(bytes, survey, this.#source.internalDate(message)));
  }

  async #stream(message: M, index: IndexedMailbox | null): Promise<WholeSurvey> {
    try {
      const whole = await surveyStream(await this.#source.stream(message), this.#source.internalDate(message));
      this.#keepSurvey(message, index, whole);
      this.#keepGist(message, index, whole.gist);
      return whole;
    } catch (cause) {
      throw storeError(cause);
    }
  }

  #find(message: M, index: IndexedMailbox | null): Survey | null {
    return this.#remembered(message)?.survey ?? unpackSurvey(index?.detail(message.uid, "survey") ?? null);
  }

  #remembered(message: M): Known<M> | null {
    if (this.#latest?.message === message) return this.#latest;
    if (this.#known.size === 0) return null;
    const key = this.#source.key(message);
    const known = this.#known.get(key);
    if (!known) return null;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known;
  }

  #keepSurvey(message: M, index: IndexedMailbox | null, survey: Survey): Survey {
    const known = { message, survey, gist: null };
    this.#latest = known;
    if (index) index.keep(message.uid, "survey", packSurvey(survey));
    else this.#remember(known);
    return survey;
  }

  #keepGist(message: M, index: IndexedMailbox | null, gist: MessageGist): MessageGist {
    index?.keep(message.uid, "gist", packGist(gist));
    const known = this.#remembered(message);
    if (known) known.gist = gist;
    return gist;
  }

  #remember(known: Known<M>): void {
    const key = this.#source.key(known.message);
    this.#parts -= partsIn(this.#known.get(key));
    this.#known.delete(key);
    this.#known.set(key, known);
    this.#parts += partsIn(known);
    for (const [oldest, forgotten] of this.#known) {
      if (this.#parts <= MAX_PARTS) break;
      this.#known.delete(oldest);
      this.#parts -= partsIn(forgotten);
    }
  }
}
