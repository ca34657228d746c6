/**
 * Content checks as Postfix has them (header_checks(5)): each header field and each line of the body is looked up in tables of
 * patterns, whose answer refuses, changes, marks or discards the message. Bounded by octets looked at; a table that cannot answer,
 * and an action that is none, put the mail off.
 */
import { isWithin } from "postern/mail";
import {
  type Call,
  definePlugin,
  type Envelope,
  type Finding,
  type Message,
  networksOf,
  proceed,
  type Session,
  Size,
  type Table,
  Tables,
  Type,
} from "postern/plugin";
import { parseContentAction } from "./actions.ts";
import { ContentScanner, type Item, type Place } from "./content-scanner.ts";
import { Judgement } from "./judgement.ts";
import { Turns } from "./turns.ts";
import { wholeText } from "./whole-text.ts";

const PIECE_BYTES = 64 * 1024;
const NOTES_LIMIT = 50;

const maps = (description: string) => Type.Array(Type.String(), { default: [], description });

export default definePlugin({
  name: "policy-headers",
  api: 1,
  needs: { tables: Tables },
  config: Type.Object({
    header: maps("Tables for the fields of the message (header_checks)."),
    mimeHeader: Type.Optional(
      Type.Array(Type.String(), {
        description:
          "For MIME fields of the message and all fields of its parts (mime_header_checks); `header` if left out.",
      }),
    ),
    nestedHeader: Type.Optional(
      Type.Array(Type.String(), {
        description: "For the fields of attached messages (nested_header_checks); `header` if left out.",
      }),
    ),
    body: maps("For the lines of the body (body_checks)."),
    headerSize: Size({ default: "100KiB", description: "How much of one field is looked at (header_size_limit)." }),
    partSize: Size({
      default: "50KiB",
      description: "How much of each part's body is looked at (body_checks_size_limit).",
    }),
    totalSize: Size({ default: "1MiB", description: "How much is looked at behind the header of the message." }),
    exempt: Type.Object(
      {
        networks: Type.Array(Type.String(), { default: [], description: "Mail from clients in these networks." }),
        authenticated: Type.Boolean({ default: false, description: "Mail from clients that have logged in." }),
      },
      { description: "What is not looked at." },
    ),
    texts: Type.Object({
      refused: Type.String({ default: "{text}", description: "What a client is told; `{text}` is the table's." }),
      denied: Type.String({ default: "message content rejected", description: "`{text}` where the table has none." }),
      misconfigured: Type.String({ default: "Server configuration error" }),
    }),
  }),
  async setup({ config, needs, log }) {
    const header = await needs.tables.openAll(config.header);
    const tables: Record<Place, readonly Table[]> = {
      header,
      mimeHeader: config.mimeHeader ? await needs.tables.openAll(config.mimeHeader) : header,
      nestedHeader: config.nestedHeader ? await needs.tables.openAll(config.nestedHeader) : header,
      body: await needs.tables.openAll(config.body),
    };
    const networks = networksOf(config.exempt.networks);
    const limits = { fieldBytes: config.headerSize, partBytes: config.partSize, totalBytes: config.totalSize };
    const readsBody = tables.body.length + tables.mimeHeader.length + tables.nestedHeader.length > 0;
    const isActive = readsBody || header.length > 0;
    const all = [...new Set(Object.values(tables).flat())];
    const isExempt = (session: Session | null): boolean =>
      session !== null &&
      ((config.exempt.authenticated && session.identity !== null) ||
        (networks.length > 0 && isWithin(session.remote.address, networks) !== null));

    /** `true`: nothing more needs to be looked at. A line may cost much where patterns look around: each may be the last of a turn. */
    async function judge(items: Iterable<Item>, judgement: Judgement, turns: Turns): Promise<boolean> {
      for (const item of items) {
        if (turns.isOver) await turns.next();
        for (const table of tables[item.place]) {
          const asked = table.get(item.text);
          const value = asked instanceof Promise ? await asked : asked;
          if (value === null) continue;
          if (judgement.take(item, value)) return true;
          break;
        }
      }
      return false;
    }

    async function inspect(message: Message, judgement: Judgement, signal: AbortSignal): Promise<number> {
      const scanner = new ContentScanner(limits, readsBody);
      const turns = new Turns(signal);
      for await (const chunk of message.inMemory() ?? message.content()) {
        for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
          const piece = (chunk as Uint8Array).subarray(at, at + PIECE_BYTES);
          if (await judge(scanner.push(piece), judgement, turns)) return scanner.headerBytes;
          if (scanner.isDone) return scanner.headerBytes;
        }
      }
      await judge(scanner.end(), judgement, turns);
      return scanner.headerBytes;
    }

    return {
      check: () => findings(tables),
      hooks: {
        message(envelope, message, call) {
          return isActive && !isExempt(envelope.session) ? look(envelope, message, call) : proceed;
        },
      },
    };

    function look(envelope: Envelope, message: Message, call: Call) {
      const text = wholeText(message, config.headerSize);
      // Most mail: one pass over all of it says that no line will have an answer.
      if (text !== null && !all.some((table) => table.mayAnswerWithin?.(text) ?? true)) return proceed;
      return check(envelope, message, call);
    }

    async function check({ id }: Envelope, message: Message, { signal }: Call) {
      let notes = 0;
      const judgement = new Judgement(config.texts, {
        note(level, item, text) {
          notes += 1;
          if (notes > NOTES_LIMIT) return;
          log[level](
            { id, in: item.place, line: shown(item.text), action: text },
            level === "error" ? text : "content check",
          );
        },
      });
      const headerBytes = await inspect(message, judgement, signal);
      return judgement.verdict(message, headerBytes);
    }
  },
});

/** Values that are no actions put mail off when they are met: better told before. */
async function findings(tables: Readonly<Record<Place, readonly Table[]>>): Promise<readonly Finding[]> {
  const texts = new Set<string>();
  for (const place of ["header", "mimeHeader", "nestedHeader", "body"] as const) {
    for (const table of tables[place]) {
      for (const { at, value } of (await table.values?.()) ?? []) {
        const action = parseContentAction(value, place);
        if (typeof action === "string" && texts.size < FINDINGS_LIMIT) texts.add(`${place}, ${at}: ${action}`);
      }
    }
  }
  return [...texts].map((text) => ({ severity: "error", text }));
}

const FINDINGS_LIMIT = 100;

const shown = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").slice(0, 200);
