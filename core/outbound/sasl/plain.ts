/** PLAIN (RFC 4616) and LOGIN (no RFC; some hosts offer nothing else). */
import type { Exchange, Mechanism } from "./mechanism.ts";

const unexpected = (): never => {
  throw new Error("the host asked for more than there is to say");
};

export const plain: Mechanism = {
  name: "PLAIN",
  secret: "password",
  begin: ({ username, secret }) => ({
    initial: Buffer.from(`\0${username}\0${secret}`),
    answer: unexpected,
    isComplete: true,
  }),
};

export const login: Mechanism = {
  name: "LOGIN",
  secret: "password",
  begin({ username, secret }): Exchange {
    const answers = [username, secret];
    return { initial: null, answer: () => Buffer.from(answers.shift() ?? unexpected()), isComplete: true };
  },
};
