/** All commands by their keyword. */
import { apop } from "./apop.ts";
import { auth } from "./auth.ts";
import { capa } from "./capa.ts";
import type { Command } from "./command.ts";
import { dele } from "./dele.ts";
import { lang } from "./lang.ts";
import { last } from "./last.ts";
import { list } from "./list.ts";
import { noop } from "./noop.ts";
import { pass } from "./pass.ts";
import { quit } from "./quit.ts";
import { retr } from "./retr.ts";
import { rset } from "./rset.ts";
import { stat } from "./stat.ts";
import { stls } from "./stls.ts";
import { top } from "./top.ts";
import { uidl } from "./uidl.ts";
import { user } from "./user.ts";
import { utf8 } from "./utf8.ts";

const all = {
  apop,
  auth,
  capa,
  dele,
  lang,
  last,
  list,
  noop,
  pass,
  quit,
  retr,
  rset,
  stat,
  stls,
  top,
  uidl,
  user,
  utf8,
};

export const commands: ReadonlyMap<string, Command> = new Map(
  Object.entries(all).map(([keyword, command]) => [keyword.toUpperCase(), command]),
);
