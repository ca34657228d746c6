/** Logins in front of a real kernel, with what the plugins were told and what was logged. */
import { onTestFinished } from "vitest";
import type { Session, TlsFacts } from "../contracts/session.ts";
import { definePlugin } from "../kernel/define.ts";
import { createSession } from "../kernel/session.ts";
import { createLogins, type LoginsDeps } from "../login/logins.ts";
import { keptLog, kernelOf, type Listed } from "./kernel.ts";

export interface LoginsFixture extends Partial<LoginsDeps> {
  readonly plugins: readonly Listed[];
}

/** Closed at the end of the test. */
export async function loginsOf({ plugins, ...deps }: LoginsFixture) {
  const told: unknown[][] = [];
  const notices = definePlugin({
    name: "see-notices",
    api: 1,
    setup: () => ({
      hooks: {
        login: (session) => {
          told.push(["login", session.identity?.login]);
        },
        authFailed: (_, login, { sameness }) => {
          told.push(["authFailed", login, sameness]);
        },
      },
    }),
  });
  const { log, lines } = keptLog();
  const kernel = await kernelOf(notices, ...plugins);
  const logins = createLogins(kernel, { log, clock: Date, origin: "example.org", passwords: { threads: 1 }, ...deps });
  onTestFinished(() => logins.close());
  return { logins, kernel, lines, told };
}

/** From this machine, in clear, if nothing else is said. */
export function sessionWith({ address = "127.0.0.1", tls }: { address?: string; tls?: Partial<TlsFacts> }): Session {
  return createSession({
    id: "s1",
    protocol: "imap",
    listener: { name: "imap", role: "imap" },
    local: { address: "127.0.0.1", port: 143 },
    remote: { address, port: 4321, hostname: null },
    tls: tls ? { protocol: "TLSv1.3", cipher: "x", servername: null, clientCertificate: null, ...tls } : null,
  });
}
