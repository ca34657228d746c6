/** The real `Resolver` for tests of plugins: `resolverOf({ servers: [dns.server] })`. */
import type { Resolver } from "../contracts/resolver.ts";
import { createResolver, type ResolverOptions } from "../net/dns/resolver.ts";

export const resolverOf = (options: Partial<ResolverOptions>): Resolver =>
  createResolver({ timeoutMs: 20_000, clock: Date, ...options });
