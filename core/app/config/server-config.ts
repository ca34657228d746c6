/** The server's configuration as the rest of the house sees it: complete, absolute, in milliseconds and bytes. */
import type { ListenerTls } from "../../contracts/session.ts";
import type { PluginEntry } from "../../kernel/entry.ts";
import type { Address } from "../../mail/address.ts";

export interface TlsFiles {
  /** `selfSigned`: made by the server at its first start, below `dataDir`; `files`: the operator's, seen to be readable. */
  readonly at: "files" | "selfSigned";
  /** Absolute paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

/** The server's; each listener has the same, with its own values where the operator gave some. */
export interface Limits {
  readonly messageSizeBytes: number;
  /** Recipients of one message. */
  readonly recipients: number;
  /** Connections of one listener, open at once in one worker. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

/** `host: null`: all addresses. */
export type ListenerPlace =
  | { readonly at: "port"; readonly host: string | null; readonly port: number }
  | { readonly at: "path"; readonly path: string };

export interface ListenerConfig {
  /** Unique; `role-port` unless the operator says otherwise. */
  readonly name: string;
  readonly role: string;
  readonly place: ListenerPlace;
  readonly tls: ListenerTls;
  /** Networks whose connections begin with a PROXY header. Always empty so far. */
  readonly proxyFrom: readonly string[];
  readonly limits: Limits;
}

export interface ServerConfig {
  readonly hostname: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Dropped to after the sockets are open. */
  readonly user: string | null;
  /** Domain that completes bare addresses. */
  readonly origin: string;
  readonly postmaster: Address;
  /** Each character separates a local part from its extension. */
  readonly recipientDelimiter: string;
  /** `null`: there is no certificate, and no listener needs one. */
  readonly tls: TlsFiles | null;
  readonly listeners: readonly ListenerConfig[];
  readonly plugins: readonly PluginEntry[];
  readonly workers: number;
  readonly delayReject: boolean;
  readonly limits: Limits;
  readonly queue: {
    readonly firstRetryMs: number;
    readonly maxRetryMs: number;
    readonly expiryMs: number;
    readonly warnAfterMs: number;
  };
  /** Without servers, the system's are asked. */
  readonly dns: {
    readonly servers: readonly string[];
    readonly timeoutMs: number;
    /** 0: clients' names are not looked up. */
    readonly clientNamesMs: number;
  };
  /** Made at a start that finds no account at all. */
  readonly firstAccount: Address | null;
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    /** `auto`: pretty on a terminal, JSON elsewhere. */
    readonly pretty: boolean | "auto";
  };
  /** Absolute path of the file this came from. */
  readonly configFile: string;
  /** What relative paths in it are relative to. */
  readonly configDir: string;
}
