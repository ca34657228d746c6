/** EXTERNAL (RFC 4422 appendix A): TLS has shown who the client is; the message is who it wants to act as, or empty. */
import { failure } from "../failure.ts";
import { askForInitial, type Mechanism, malformed } from "./mechanism.ts";
import { credentialText } from "./text.ts";

export const external: Mechanism = {
  name: "EXTERNAL",
  method: null,
  fits: ({ tls }) => tls?.clientCertificate != null,
  async *begin(desk, initial) {
    const authzid = credentialText(initial ?? (yield askForInitial));
    const certificate = desk.session.tls?.clientCertificate;
    if (authzid === null) return malformed("Invalid EXTERNAL message");
    if (!certificate) return failure("mechanism");
    return desk.check({ kind: "certificate", login: authzid === "" ? null : authzid, certificate });
  },
};
