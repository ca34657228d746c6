/** ENABLE (RFC 5161): the client says what it understands. What is not known is passed over, and the answer names what was enabled now. */
import { extensions } from "../extensions.ts";
import { ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const enable = defineCommand({
  // RFC 5161 3.1: not before the login.
  validIn: "authenticated",
  parse(parser) {
    const names: string[] = [];
    do {
      parser.space();
      names.push(parser.atom().toUpperCase());
    } while (!parser.isAtEnd);
    return names;
  },
  run({ session }, names) {
    const enabled: string[] = [];
    for (const name of names) {
      const extension = extensions.get(name);
      if (!extension || session.enabled.has(extension)) continue;
      session.enable(extension);
      enabled.push(extension === "IMAP4REV2" ? "IMAP4rev2" : name);
    }
    session.out.line(["* ENABLED", ...enabled].join(" "));
    return ok("Enable completed");
  },
});
