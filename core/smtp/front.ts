/**
 * The SMTP and LMTP front: takes accepted connections of the roles mx, submission, lmtp and reinject, and talks to them until they
 * leave. Whatever goes wrong in one connection stays there.
 */
import type { Logins } from "../contracts/account.ts";
import type { ClientNames } from "../contracts/client-names.ts";
import type { Clock } from "../contracts/clock.ts";
import type { Kernel } from "../contracts/kernel.ts";
import type { Log } from "../contracts/log.ts";
import type { Connection } from "../contracts/session.ts";
import type { Submit } from "../contracts/submit.ts";
import { createBridge } from "./bridge.ts";
import { defaultLimits, type SmtpConfig, type SmtpLimits } from "./config.ts";
import { Conversation } from "./conversation.ts";
import { type Alarm, timerAlarm } from "./deadlines.ts";
import { noPeers, type SmtpPeers } from "./peers.ts";
import { banner } from "./phases/connect.ts";
import type { Reply } from "./reply.ts";
import { lmtp, local, mx, type Role, reinject, submission } from "./roles.ts";

export interface SmtpFrontOptions {
  readonly kernel: Kernel;
  readonly submit: Submit;
  readonly logins: Logins;
  /** Without it clients have no names. */
  readonly clientNames?: ClientNames;
  readonly log: Log;
  readonly clock: Clock;
  /** Default: a timer. */
  readonly alarm?: Alarm;
  readonly config: Partial<Omit<SmtpConfig, "limits" | "peers">> & {
    readonly hostname: string;
    readonly limits?: Partial<SmtpLimits>;
    readonly peers?: Partial<SmtpPeers>;
  };
}

/** What every conversation shares. */
export interface SmtpFrontParts extends SmtpFrontOptions {
  readonly config: SmtpConfig;
  readonly banners: { readonly smtp: Reply; readonly lmtp: Reply };
}

/** By listener role. */
export type SmtpFront = Readonly<Record<Role["name"], (connection: Connection) => void>>;

export function createSmtpFront(options: SmtpFrontOptions): SmtpFront {
  const { hostname, delayReject = true, limits, peers } = options.config;
  const config: SmtpConfig = {
    hostname,
    delayReject,
    limits: { ...defaultLimits, ...limits },
    peers: { ...noPeers, ...peers },
  };
  const parts: SmtpFrontParts = {
    ...options,
    config,
    banners: { smtp: banner(hostname, "ESMTP"), lmtp: banner(hostname, "LMTP") },
  };
  const { clock, log, alarm = timerAlarm } = options;
  const take = createBridge({ hostname, limits: config.limits, clock, alarm, log });
  const serve = (role: Role) => (connection: Connection) => take(connection, new Conversation(parts, role, connection));
  return {
    mx: serve(mx),
    submission: serve(submission),
    lmtp: serve(lmtp),
    reinject: serve(reinject),
    local: serve(local),
  };
}
