/** swaks as a load balancer: its PROXY headers, in clear, before STARTTLS and before implicit TLS. */
import { expect, it, onTestFinished } from "vitest";
import { fixture } from "../../core/testing/smtp-fixture.ts";
import { smtpTestServer } from "../../core/testing/smtp-front.ts";
import { describeWith, run } from "./programs.ts";

const v4 = ["--proxy-source", "192.0.2.7", "--proxy-dest", "198.51.100.1"];
const v6 = ["--proxy-source", "2001:db8::7", "--proxy-dest", "2001:db8::1"];
const ports = ["--proxy-source-port", "8080", "--proxy-dest-port", "25"];

describeWith(["swaks"], "swaks behind a proxy", () => {
  it.each([
    ["version 1", "none", ["--proxy-version", "1", "--proxy-family", "TCP4", ...v4], "192.0.2.7"],
    ["version 1, IPv6", "none", ["--proxy-version", "1", "--proxy-family", "TCP6", ...v6], "2001:db8::7"],
    ["version 2", "none", ["--proxy-version", "2", "--proxy-family", "AF_INET", ...v4], "192.0.2.7"],
    [
      "version 2, IPv6",
      "optional",
      ["--tls", "--proxy-version", "2", "--proxy-family", "AF_INET6", ...v6],
      "2001:db8::7",
    ],
    ["version 2", "implicit", ["--tlsc", "--proxy-version", "2", "--proxy-family", "AF_INET", ...v4], "192.0.2.7"],
  ] as const)("names its client by %s, TLS %s", async (_, tls, proxy, address) => {
    const server = await smtpTestServer({ tls, plugins: [fixture], listener: { proxyFrom: ["127.0.0.1"] } });
    onTestFinished(() => server.close());
    const { exitCode, output } = await run("swaks", [
      ...["--server", "127.0.0.1", "--port", String(server.port), "--from", "ann@example.net"],
      ...["--to", "user@example.org", ...proxy, ...ports],
    ]);
    expect(exitCode, output).toBe(0);
    expect(server.accepted[0]?.envelope.session?.remote).toEqual({ address, port: 8080, hostname: null });
    expect(server.accepted[0]?.text).toContain(address);
  });
});
