/**
 * Refuses clients whose address has no name, or one that does not lead back to it. What DNS cannot tell now is a temporary
 * refusal. Asked when a client connects; the refusal is given at RCPT and lapses when it logs in.
 */
import {
  type ClientName,
  ClientNames,
  defer,
  definePlugin,
  Exempt,
  exemptionOf,
  fillText,
  Gravity,
  proceed,
  refuse,
  type Session,
  Type,
} from "postern/plugin";

export default definePlugin({
  name: "policy-client",
  api: 1,
  needs: { names: ClientNames },
  config: Type.Object({
    noName: Gravity("defer", "The address has no name at all (reject_unknown_reverse_client_hostname)."),
    unconfirmed: Gravity(
      "off",
      "The address has no name that leads back to it (reject_unknown_client_hostname); many decent servers have none.",
    ),
    exempt: Exempt(),
    texts: Type.Object({
      noName: Type.String({ default: "Client host rejected: cannot find your reverse hostname, [{client}]" }),
      unconfirmed: Type.String({ default: "Client host rejected: cannot find your hostname, [{client}]" }),
      unavailable: Type.String({ default: "Client host rejected: cannot look up your hostname now, [{client}]" }),
    }),
  }),
  setup({ config, needs }) {
    const isExempt = exemptionOf(config.exempt);
    const isOff = config.noName === "off" && config.unconfirmed === "off";
    const how = { detail: "7.25", unlessAuthenticated: isExempt.unlessAuthenticated } as const;
    const judge = ({ remote }: Session, found: ClientName) => {
      const client = remote.address;
      switch (found.at) {
        case "verified":
          return proceed;
        case "failed":
          // A name there is; whether it leads back is of interest only where that is asked for.
          if (found.name !== null && config.unconfirmed === "off") return proceed;
          return defer(fillText(config.texts.unavailable, { client }), { ...how, code: 450 });
        case "unknown":
          if (config.noName !== "off")
            return refuse(config.noName, fillText(config.texts.noName, { client }), {
              ...how,
              ...codeOf(config.noName),
            });
          break;
        case "unverified":
          break;
      }
      if (config.unconfirmed === "off") return proceed;
      const name = found.at === "unverified" ? found.name : "unknown";
      return refuse(config.unconfirmed, fillText(config.texts.unconfirmed, { client, name }), {
        ...how,
        ...codeOf(config.unconfirmed),
      });
    };
    return {
      hooks: {
        connect(session) {
          if (isOff || session.remote.hostname !== null || isExempt(session)) return proceed;
          const found = needs.names.find(session.remote.address);
          return found instanceof Promise ? found.then((name) => judge(session, name)) : judge(session, found);
        },
      },
    };
  },
});

/** A client without a name is put off, not hung up on: 421 is what a deferred connection would get by itself. */
const codeOf = (gravity: "defer" | "reject") => ({ code: gravity === "defer" ? 450 : 554 });
