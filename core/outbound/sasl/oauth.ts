/** OAUTHBEARER (RFC 7628) and XOAUTH2, its ancestor. A challenge is the reason of a refusal, which follows once it is answered. */
import type { Mechanism } from "./mechanism.ts";

export const oauthbearer: Mechanism = {
  name: "OAUTHBEARER",
  secret: "token",
  begin: ({ username, secret, host, port }) => ({
    initial: Buffer.from(
      `n,a=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},\u0001host=${host}\u0001port=${port}\u0001auth=Bearer ${secret}\u0001\u0001`,
    ),
    answer: () => Buffer.from("\u0001"), // RFC 7628 3.2.3
    isComplete: true,
  }),
};

export const xoauth2: Mechanism = {
  name: "XOAUTH2",
  secret: "token",
  begin: ({ username, secret }) => ({
    initial: Buffer.from(`user=${username}\u0001auth=Bearer ${secret}\u0001\u0001`),
    answer: () => Buffer.alloc(0),
    isComplete: true,
  }),
};
