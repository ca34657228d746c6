/** The key `quota:` of the config file: how much mail accounts may keep, and what happens when it is too much. */
import { type Static, Type } from "typebox";
import { Duration, Size } from "../../kernel/unit-schemas.ts";
import type { QuotaOptions } from "../../quota/quota-rule.ts";

const percent = { minimum: 1, maximum: 100, expected: "a percentage from 1 to 100" };

export const quotaKeys = Type.Object(
  {
    bytes: Size({ description: "Limit of accounts that their directory gives none. `0`: no limit.", default: "0" }),
    messages: Type.Integer({ description: "The same in messages. `0`: no limit.", minimum: 0, default: 0 }),
    soft: Type.Optional(
      Type.Integer({
        description: "Beyond this part of the limit, in percent, an account is marked as over its soft limit.",
        ...percent,
      }),
    ),
    folders: Type.Record(
      Type.String(),
      Type.Object({
        ignore: Type.Boolean({ description: "Not counted, and never full.", default: false }),
        extra: Size({ description: "May lie here beyond the limit.", default: "0" }),
        extraMessages: Type.Integer({ description: "The same in messages.", minimum: 0, default: 0 }),
      }),
      {
        description:
          "Rules by mailbox, such as `Trash: { extra: 100MiB }`; `*` stands for anything, `%` for anything but `/`. The first that fits holds.",
        default: {},
      },
    ),
    warnings: Type.Array(Type.Integer(percent), {
      description: "Percentages of the limit at which the account gets a mail.",
      maxItems: 20,
      default: [80, 95],
    }),
    warnAgainAfter: Duration({
      description: "The same warning is not repeated within this time.",
      minimum: "1m",
      default: "1d",
    }),
    warningSubject: Type.String({ default: "Your mailbox is {percent} % full", maxLength: 200 }),
    warningText: Type.String({
      description: "`{login}`, `{percent}`, `{used}` and `{limit}` are filled in; of the subject, too.",
      default:
        "Your mailbox {login} holds {used} of {limit}.\nWhen it is full, new mail cannot be stored any more. Please delete what you no longer need.\n",
    }),
    whenFull: Type.Union([Type.Literal("defer"), Type.Literal("refuse")], {
      description:
        "Mail that was accepted and does not fit any more: `defer` tries again until it expires, `refuse` gives it back at once.",
      default: "defer",
    }),
  },
  { description: "How much mail accounts may keep. Directories can give accounts limits of their own." },
);

export function quotaOptionsOf(keys: Static<typeof quotaKeys>): QuotaOptions {
  return {
    usual: { bytes: keys.bytes, messages: keys.messages },
    softPercent: keys.soft ?? null,
    folders: new Map(
      Object.entries(keys.folders).map(([name, { ignore, extra, extraMessages }]) => [
        name,
        { isIgnored: ignore, extra: { bytes: extra, messages: extraMessages } },
      ]),
    ),
    warnAtPercent: keys.warnings.toSorted((a, b) => a - b),
    warnAgainAfterMs: keys.warnAgainAfter,
    warningSubject: keys.warningSubject,
    warningText: keys.warningText,
    whenFull: keys.whenFull,
  };
}
