/** The client of SMTP and LMTP for tests of plugins that need it. */
import { createOutbound, type OutboundClient } from "../outbound/outbound.ts";
import { silentLog } from "./kernel.ts";

export const testOutbound = (hostname = "us.example"): OutboundClient =>
  createOutbound({ hostname, clock: Date, log: silentLog });
