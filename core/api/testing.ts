/** `postern/testing`: what plugin authors test with. */
export * from "../testing/dns-server.ts";
export * from "../testing/kernel.ts";
export * from "../testing/key-value-suite.ts";
export * from "../testing/mail.ts";
export * from "../testing/mail-flow.ts";
export * from "../testing/mail-plugins.ts";
export * from "../testing/manual-clock.ts";
export * from "../testing/outbound.ts";
export * from "../testing/plugin-options.ts";
export * from "../testing/raw-client.ts";
export * from "../testing/scripted-smtp-server.ts";
export * from "../testing/smtp-fixture.ts";
export * from "../testing/smtp-front.ts";
export * from "../testing/store-suite.ts";
export * from "../testing/tables.ts";
export * from "../testing/temporary-key-value.ts";
export * from "../testing/transcript.ts";
