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

export interface ListenerLimits {
  /** Connections open at once. */
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
  /** Networks whose connections begin with a PROXY header; empty: nobody's. */
  readonly proxyFrom: readonly string[];
  readonly limits: ListenerLimits;
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
  /** `null`: no listener uses TLS. */
  readonly tls: TlsFiles | null;
  readonly listeners: readonly ListenerConfig[];
  readonly plugins: readonly PluginEntry[];
  readonly workers: number;
  readonly delayReject: boolean;
  readonly limits: {
    readonly messageSizeBytes: number;
    /** Recipients of one message. */
    readonly recipients: number;
  };
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
