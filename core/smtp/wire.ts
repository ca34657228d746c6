/** What a conversation asks of the bridge. Nothing here throws; a client that has gone takes no notice. */
export interface Wire {
  /** Leaves when the bridge has nothing more to read, or at `flush`. */
  send(text: string): void;
  flush(): void;
  /** Flushes, and ends the connection: nothing more is read. */
  end(): void;
  /** Ends the connection without a word. */
  destroy(): void;
  /** Throws away what else came in clear (RFC 3207 4.2), then shakes hands. `false`: that failed, and the client has gone. */
  startTls(): Promise<boolean>;
}
