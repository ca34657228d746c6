/**
 * What messages look like inside: MIME structures and overviews that were asked for, the latest ones. A message never changes, so
 * neither does this.
 */
import { type MessageOverview, type Structure, type Survey, surveyMessage, surveyStream } from "postern/mail";
import { entryOf, messageBytes, messageStream } from "./content.ts";
import { storeError } from "./errors.ts";
import type { Folder } from "./folder.ts";

const IN_MEMORY_BYTES = 512 * 1024;
const MAX_PARTS = 50_000;

const partsOf = (structure: Structure): number => {
  let parts = 1 + (structure.message ? partsOf(structure.message) : 0);
  for (const child of structure.children) parts += partsOf(child);
  return parts;
};

export class SurveyCache {
  readonly #known = new Map<string, { readonly survey: Survey; readonly parts: number }>();
  #parts = 0;

  async structure(folder: Folder, uid: number): Promise<Structure> {
    return (this.#find(folder, uid) ?? (await this.#make(folder, uid))).structure;
  }

  overview(folder: Folder, uid: number): MessageOverview | Promise<MessageOverview> {
    return this.#find(folder, uid)?.overview ?? this.#make(folder, uid).then(({ overview }) => overview);
  }

  #find(folder: Folder, uid: number): Survey | null {
    const key = keyOf(folder, uid);
    const known = this.#known.get(key);
    if (!known) return null;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known.survey;
  }

  async #make(folder: Folder, uid: number): Promise<Survey> {
    const survey = await look(folder, uid);
    const key = keyOf(folder, uid);
    if (!this.#known.has(key)) this.#keep(key, survey);
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
}

const keyOf = (folder: Folder, uid: number): string => `${folder.mailboxId}/${uid}`;

async function look(folder: Folder, uid: number): Promise<Survey> {
  const bytes = await messageBytes(folder, uid, IN_MEMORY_BYTES);
  const { internalDate } = entryOf(folder, uid);
  if (bytes) return surveyMessage(bytes, internalDate);
  try {
    return await surveyStream(await messageStream(folder, uid, null), internalDate);
  } catch (cause) {
    throw storeError(cause);
  }
}
