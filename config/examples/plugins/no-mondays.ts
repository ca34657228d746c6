/** Takes no mail on Mondays. The smallest policy: one hook, one option, one answer. */
import { definePlugin, proceed, reject, Type } from "postern/plugin";

export default definePlugin({
  name: "policy-no-mondays",
  api: 1,
  config: Type.Object({
    weekday: Type.Integer({ minimum: 0, maximum: 6, default: 1, description: "Day without mail; 0 is Sunday." }),
  }),
  setup: ({ config, clock }) => ({
    hooks: {
      mailFrom: () =>
        new Date(clock.now()).getDay() === config.weekday ? reject("No mail today", { detail: "7.1" }) : proceed,
    },
  }),
});
