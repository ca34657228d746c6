/** A session may offer so many recipients and no more, unless it has logged in. What comes beyond is told to try again. */
import { defer, definePlugin, proceed, type Session, Type } from "postern/plugin";

export default definePlugin({
  name: "policy-recipient-limit",
  api: 1,
  config: Type.Object({
    limit: Type.Integer({ minimum: 1, default: 50, description: "Recipients one session may offer." }),
  }),
  setup({ config, state }) {
    const offered = state((_: Session) => ({ recipients: 0 }));
    return {
      hooks: {
        rcptTo({ session }) {
          if (!session || session.identity || ++offered(session).recipients <= config.limit) return proceed;
          return defer("Too many recipients", { code: 452, detail: "5.3" });
        },
      },
    };
  },
});
