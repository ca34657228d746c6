/** The server's configuration as the rest of the house sees it: complete, absolute, in milliseconds and bytes. */
import type { ListenerTls } from "../../contracts/session.ts";
import type { PluginEntry } from "../../kernel/entry.ts";
import type { Address } from "../../mail/address.ts";
import type { ReportTexts } from "../../mail/dsn/report-texts.ts";
import type { QuotaOptions } from "../../quota/quota-rule.ts";
import type { SharingOptions } from "../../sharing/sharing-options.ts";
import type { SmtpLimits } from "../../smtp/config.ts";
import type { PeerGrants } from "../../smtp/peers.ts";
import type { QueueConfig } from "./queue-keys.ts";
import type { SpoolConfig } from "./spool-keys.ts";

/** Absolute paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface TlsFiles {
  /** `selfSigned`: made by the server at its first start, below `dataDir`; `files`: the operator's, seen to be readable. */
  readonly at: "files" | "selfSigned";
  /** The first is for clients that ask for no name. */
  readonly pairs: readonly [CertificateFiles, ...CertificateFiles[]];
}

/** The server's; each listener has the same, with its own values where the operator gave some. */
export interface Limits extends SmtpLimits {
  /** `Received:` fields; the server's counts for all. */
  readonly hops: number;
  /** Addresses behind one; the server's counts for all. */
  readonly expansion: number;
  /** Connections of one listener, open at once in one worker. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
}

/** `host: null`: all addresses. */
export type ListenerPlace =
  | { readonly at: "port"; readonly host: string | null; readonly port: number }
  | {
      readonly at: "path";
      readonly path: string;
      readonly mode: number;
      /** `user`, `user:group` or `:group`; `null`: whoever makes the socket. */
      readonly owner: string | null;
    };

export interface ListenerConfig {
  /** Unique; `role-port` unless the operator says otherwise. */
  readonly name: string;
  readonly role: string;
  readonly place: ListenerPlace;
  readonly tls: ListenerTls;
  /** Networks whose connections begin with a PROXY header. */
  readonly proxyFrom: readonly string[];
  /** Its own, instead of the server's. */
  readonly certificates?: readonly [CertificateFiles, ...CertificateFiles[]];
  /** Left out: clients are not asked for a certificate. `ca`: the authorities that vouch for them. */
  readonly clients?: { readonly wanted: "ask" | "require"; readonly ca: string | null };
  /** What it grants to named clients, where it speaks SMTP or LMTP. Left out: nothing. */
  readonly grants?: PeerGrants;
  /** Whether `Received:` names the client of a submission. Left out: yes. */
  readonly clientInReceived?: boolean;
  readonly limits: Limits;
}

export interface ServerConfig {
  readonly hostname: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Where local programs leave mail. Absolute. */
  readonly maildrop: string;
  /** Who sees the queue: `everybody`, `nobody`, or the name of a group. */
  readonly mailq: string;
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
  readonly queue: QueueConfig;
  readonly spool: SpoolConfig;
  /** Languages of reports, the usual one first. */
  readonly reportTexts: readonly ReportTexts[];
  /** Without servers, the system's are asked. */
  readonly dns: {
    readonly servers: readonly string[];
    /** What they call authentic is believed (DNSSEC); left out: of those on this machine. */
    readonly validating?: boolean;
    readonly timeoutMs: number;
    /** 0: nobody waits for a client's name. */
    readonly clientNamesMs: number;
  };
  readonly keyValue: { readonly ceilingBytes: number };
  readonly mailboxIndex: { readonly ceilingBytes: number };
  readonly quota: QuotaOptions;
  readonly sharing: SharingOptions;
  readonly login: {
    /** `null`: all that plugins can check. */
    readonly mechanisms: readonly string[] | null;
    readonly cramMd5: boolean;
    readonly scramIterations: number;
    /** `null`: by the number of cores. */
    readonly hashThreads: number | null;
    readonly hashWaiting: number;
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
