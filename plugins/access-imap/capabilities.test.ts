import { describe, expect, it } from "vitest";
import { capabilitiesOf } from "./capabilities.ts";

type Given = Parameters<typeof capabilitiesOf>;
const said = (canStartTls: boolean, mechanisms: string[], isLoggedIn: boolean): string[] =>
  capabilitiesOf(
    { canStartTls, listenerTls: "optional", session: { tls: null } } as Given[0],
    { logins: { mechanisms: () => mechanisms }, options: { literals: "LITERAL+", maxMessageSize: 1000 } } as never,
    isLoggedIn,
  ).split(" ");

describe("capabilities", () => {
  it("forbid LOGIN where the password would travel in clear", () => {
    expect(said(true, [], false)).toEqual(expect.arrayContaining(["IMAP4rev1", "STARTTLS", "LOGINDISABLED"]));
    expect(said(true, ["PLAIN"], false)).not.toContain("LOGINDISABLED");
    expect(said(true, ["SCRAM-SHA-256"], false)).toEqual(
      expect.arrayContaining(["AUTH=SCRAM-SHA-256", "LOGINDISABLED"]),
    );
  });

  it("offer TLS and mechanisms before the login only", () => {
    expect(said(false, ["PLAIN", "LOGIN"], false)).toEqual(expect.arrayContaining(["AUTH=PLAIN", "AUTH=LOGIN"]));
    expect(said(false, ["PLAIN"], false)).not.toContain("STARTTLS");
    const after = said(true, ["PLAIN"], true);
    expect(after).toEqual(expect.arrayContaining(["UIDPLUS", "MOVE"]));
    expect(after.filter((word) => /^(AUTH=|STARTTLS|LOGINDISABLED)/.test(word))).toEqual([]);
  });
});
