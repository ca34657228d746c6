/**
 * What messages look like inside: MIME structures and overviews that were asked for, the latest ones here, others in the index. A message
 * never changes, so neither does this.
 */
import { type MessageOverview, type Structure, type Survey, surveyMessage, surveyStream } from "postern/mail";
import type { IndexedMailbox } from "postern/plugin";
import { messageBytes, messageStream } from "./content.ts";
import { storeError } from "./errors.ts";
import type { MessageFile } from "./message-file.ts";

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

  async structure(file: MessageFile, index: IndexedMailbox | null): Promise<Structure> {
    const known = this.#find(file)?.structure ?? (index?.detail(file.uid, "structure") as Structure | null | undefined);
    return known ?? (await this.#make(file, index)).structure;
  }

  overview(file: MessageFile, index: IndexedMailbox | null): MessageOverview | Promise<MessageOverview> {
    const known =
      this.#find(file)?.overview ?? (index?.detail(file.uid, "overview") as MessageOverview | null | undefined);
    return known ?? this.#make(file, index).then(({ overview }) => overview);
  }

  #find(file: MessageFile): Survey | null {
    const key = keyOf(file);
    const known = this.#known.get(key);
    if (!known) return null;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known.survey;
  }

  async #make(file: MessageFile, index: IndexedMailbox | null): Promise<Survey> {
    const survey = await look(file);
    index?.keep(file.uid, "overview", survey.overview);
    index?.keep(file.uid, "structure", survey.structure);
    if (!this.#known.has(keyOf(file))) this.#keep(keyOf(file), survey);
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

const keyOf = (file: MessageFile): string => `${file.directory}/${file.base}`;

async function look(file: MessageFile): Promise<Survey> {
  const bytes = await messageBytes(file, IN_MEMORY_BYTES);
  if (bytes) return surveyMessage(bytes, file.internalDate);
  try {
    return await surveyStream(messageStream(file, null), file.internalDate);
  } catch (cause) {
    throw storeError(cause);
  }
}
