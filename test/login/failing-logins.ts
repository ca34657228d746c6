/** Writes what the server logs of logins that fail, and of one that succeeds, to standard output. */
import { createLog } from "../../core/app/logger.ts";
import { definePlugin } from "../../core/kernel/define.ts";
import { createSession } from "../../core/kernel/session.ts";
import { defer, proceed, stored } from "../../core/kernel/verdicts.ts";
import { createLogins } from "../../core/login/logins.ts";
import { kernelWith } from "../../core/testing/kernel.ts";

const log = await createLog({ level: "info", pretty: false }, { worker: 2 });
const directory = definePlugin({
  name: "directory-test",
  api: 1,
  setup: () => ({
    hooks: {
      authAttempt: (_, { login }) => (login === "banned" ? defer("Too many failures") : proceed),
      credentials: ({ login }) => {
        if (login === "down") return defer("down");
        return login === "anna" ? stored({ login }, ["{PLAIN}secret"]) : proceed;
      },
    },
  }),
});
const kernel = await kernelWith({ log }, directory);
const logins = createLogins(kernel, { log, clock: Date, offer: { mechanisms: null, cramMd5: true } });

const from = (address: string) =>
  createSession({
    id: "S1",
    protocol: "imap",
    listener: { name: "imaps-993", role: "imap" },
    local: { address: "198.51.100.1", port: 993 },
    remote: { address, port: 4321, hostname: null },
    tls: { protocol: "TLSv1.3", cipher: "x", servername: null, clientCertificate: null },
  });

const [attempts] = process.argv.slice(2);
for (const [address, login, password] of JSON.parse(attempts ?? "[]") as [string, string, string][]) {
  if (password !== "by CRAM-MD5") await logins.password(from(address), login, password);
  else {
    const { conversation } = await logins.begin(from(address), "CRAM-MD5", null);
    await conversation.next(Buffer.from(`${login} ${"0".repeat(32)}`));
  }
}
await logins.close();
