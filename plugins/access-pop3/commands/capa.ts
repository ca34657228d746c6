import type { Command } from "./command.ts";

/** RFC 2449 5. */
export const capa: Command = {
  validIn: "any",
  async run(session) {
    const { mechanisms, connection, state } = session;
    const isNew = state.at === "authorization";
    const lines = [
      "TOP",
      "UIDL",
      "RESP-CODES",
      // RFC 3206 6
      "AUTH-RESP-CODE",
      "PIPELINING",
      // RFC 2449 6.7: no message is removed by age
      "EXPIRE NEVER",
      ...(mechanisms.includes("PLAIN") || mechanisms.includes("LOGIN") ? ["USER"] : []),
      ...(mechanisms.length > 0 ? [`SASL ${mechanisms.join(" ")}`] : []),
      // RFC 2595 4
      ...(isNew && connection.canStartTls ? ["STLS"] : []),
      "IMPLEMENTATION Postern",
    ];
    await session.send(`+OK Capabilities\r\n${lines.join("\r\n")}\r\n.\r\n`);
    return null;
  },
};
