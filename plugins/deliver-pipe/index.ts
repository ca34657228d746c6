/**
 * deliver-pipe: mail for programs of this machine (Postfix's pipe(8)), one transport a command, never through a shell. How the
 * program ends is the outcome; one that cannot be run, is killed or takes too long puts the mail off.
 */
import { definePlugin, LocalCommands, proceed, ServerFacts } from "postern/plugin";
import { deliverByPipe, runCommand } from "./deliver.ts";
import { findings, Options, optionFault } from "./options.ts";

export default definePlugin({
  name: "deliver-pipe",
  api: 1,
  needs: { facts: ServerFacts },
  provides: { commands: LocalCommands },
  before: ["deliver-smtp"],
  config: Options,
  setup({ config, needs, log, clock, configDir }) {
    for (const pipe of config.pipes) {
      const fault = optionFault(pipe);
      if (fault !== null) throw new Error(`${pipe.name}: ${fault}`);
    }
    const pipes = new Map(config.pipes.map((pipe) => [pipe.name, pipe]));
    const room = { facts: needs.facts, log, clock, configDir };
    const { aliasUser: user, aliasTimeLimit: timeLimitMs } = config;
    return {
      provides: {
        commands: {
          run: (delivery, recipient, command, signal) =>
            runCommand(delivery, recipient, command, { room, user, timeLimitMs, signal }),
        },
      },
      hooks: {
        async deliver(delivery, call) {
          const pipe = pipes.get(delivery.route.transport);
          if (pipe) await deliverByPipe(delivery, pipe, room, call.signal);
          return proceed;
        },
      },
      check: () => findings(config.pipes, configDir),
    };
  },
});
