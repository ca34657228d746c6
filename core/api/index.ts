/** `postern`: the server as a library. */
export * from "./plugin.ts";
