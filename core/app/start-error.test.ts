import { expect, it } from "vitest";
import { KernelError } from "../kernel/kernel-error.ts";
import { CertificateError } from "../net/net-errors.ts";
import { asStartError, StartError } from "./start-error.ts";

it.each([
  [new KernelError([{ entry: "auth-oauth", where: null, text: "setup failed: needs one of jwks" }]), 78],
  [new CertificateError("no certificate"), 78],
  [Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" }), 77],
  [new StartError("somebody else's", 75), 75],
  [new TypeError("x is not a function"), 70],
  ["a thrown word", 70],
])("what kept the server from starting ends it with the exit code that the guide names: %s", (cause, exitCode) => {
  expect(asStartError(cause)).toMatchObject({ exitCode });
});
