/** `postern/testing`: what plugin authors test with. */
export * from "../testing/kernel.ts";
export * from "../testing/transcript.ts";
