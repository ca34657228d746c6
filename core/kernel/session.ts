/**
 * The session that core writes and plugins read. Made when a client is accepted, gone when it leaves; `net` and the
 * protocol rooms change its fields as facts become known. Never throws.
 */
import type { Identity } from "../contracts/account.ts";
import type { ForwardedClient, Protocol, Session, TlsFacts } from "../contracts/session.ts";
import { CellOwner } from "./cells.ts";

export interface SessionInit {
  readonly id: string;
  readonly protocol: Protocol;
  readonly listener: Session["listener"];
  readonly local: Session["local"];
  readonly remote: Session["remote"];
  readonly tls?: TlsFacts | null;
  readonly heloName?: string | null;
  readonly identity?: Identity | null;
}

export class SessionState extends CellOwner implements Session {
  readonly id: string;
  readonly protocol: Protocol;
  readonly listener: Session["listener"];
  local: Session["local"];
  remote: Session["remote"];
  tls: TlsFacts | null;
  heloName: string | null;
  isExtended?: boolean;
  identity: Identity | null;
  forwarded: ForwardedClient | null = null;
  /** Made when somebody asks. */
  #early: AbortController | null = null;
  #hasSpokenEarly = false;

  constructor(init: SessionInit) {
    super();
    this.id = init.id;
    this.protocol = init.protocol;
    this.listener = init.listener;
    this.local = init.local;
    this.remote = init.remote;
    this.tls = init.tls ?? null;
    this.heloName = init.heloName ?? null;
    this.identity = init.identity ?? null;
  }

  get spokenEarly(): AbortSignal {
    this.#early ??= new AbortController();
    if (this.#hasSpokenEarly) this.#early.abort();
    return this.#early.signal;
  }

  speakEarly(): void {
    this.#hasSpokenEarly = true;
    this.#early?.abort();
  }
}

export const createSession = (init: SessionInit): SessionState => new SessionState(init);
