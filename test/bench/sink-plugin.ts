/** A plugin for measurements: every message is delivered into nothing, so that only the way into the spool and through the queue is measured. */
import { definePlugin, proceed, routed } from "postern/plugin";

const reply = { code: 250, status: "2.0.0", text: "thrown away", host: null } as const;

export default definePlugin({
  name: "deliver-sink",
  api: 1,
  setup: () => ({
    hooks: {
      route: () => routed("sink", null),
      async deliver(delivery) {
        for (const recipient of delivery.recipients) await delivery.settle(recipient, { at: "delivered", reply });
        return proceed;
      },
    },
  }),
});
