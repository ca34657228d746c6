/** auth-throttle in front of real logins: what one protocol has seen counts in the others. */
import { expect, it, onTestFinished } from "vitest";
import { LoginServer } from "./login-server.ts";
import { type Protocol, SaslClient } from "./sasl-client.ts";

async function started() {
  const throttle =
    'auth-throttle: { allow: [], banAfter: 4, delayAfter: 100, networkBanAfter: 100, text: "Go slower" }';
  const server = await LoginServer.start({ plugins: [throttle] });
  onTestFinished(() => server.close());
  const login = async (protocol: Protocol, password: string) => {
    const client = await SaslClient.openTls(server, protocol);
    const answer = await client.begin("PLAIN", Buffer.from(`\0ann@example.org\0${password}`));
    await client.leave();
    return "end" in answer ? answer.end : "a challenge";
  };
  return { server, login };
}

it("guesses in all protocols make one ban, told in each protocol's own words, also to the right password", async () => {
  const { server, login } = await started();
  expect(await login("submission", "guess1")).toMatch(/^535 5\.7\.8 /);
  expect(await login("imap", "guess2")).toMatch(/^a NO \[AUTHENTICATIONFAILED\]/);
  expect(await login("pop3", "guess3")).toMatch(/^-ERR \[AUTH\]/);
  expect(await login("submission", "guess4")).toMatch(/^535 /);
  expect(await login("submission", "secret")).toBe("454 4.7.0 Go slower");
  expect(await login("imap", "secret")).toMatch(/^a NO \[UNAVAILABLE\] Go slower/);
  expect(await login("pop3", "secret")).toMatch(/^-ERR \[SYS\/TEMP\] Go slower/);
  expect(server.lines.filter(({ text }) => text === "banned after failed logins")).toHaveLength(1);
  expect(server.lines.filter(({ text }) => text === "login failed").map(({ fields }) => fields.cause)).toEqual([
    ...Array<string>(4).fill("invalid"),
    ...Array<string>(3).fill("refused"),
  ]);
});

it("a phone with an old password bans nobody, however often it tries", async () => {
  const { login } = await started();
  for (let at = 0; at < 12; at++) expect(await login("imap", "old password")).toMatch(/AUTHENTICATIONFAILED/);
  expect(await login("submission", "secret")).toMatch(/^235 /);
});
