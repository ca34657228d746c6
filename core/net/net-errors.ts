/** Errors of this room, each with a stable code. */

/** A listener could not be opened. The message names listener, address and what to do; it is meant for the operator. */
export class ListenError extends Error {
  readonly code = "LISTEN_FAILED";
}

/** Thrown after the line has been skipped: answer it and read on. */
export class LineTooLong extends RangeError {
  readonly code = "LINE_TOO_LONG";
  constructor(limitBytes: number) {
    super(`line longer than ${limitBytes} octets`);
  }
}

/** The client has left, or was cut off, while something was still to be sent to it or read from it. */
export class ConnectionLost extends Error {
  readonly code = "CONNECTION_LOST";
  constructor(text = "the client has gone") {
    super(text);
  }
}

/** A TLS handshake failed or took too long. The connection is gone. */
export class HandshakeFailed extends Error {
  readonly code = "HANDSHAKE_FAILED";
}

/** A certificate or its key cannot be used. The message names the file and is meant for the operator. */
export class CertificateError extends Error {
  readonly code = "CERTIFICATE_UNUSABLE";
}

/** A peer that speaks for others did not say properly for whom. */
export class ProxyHeaderBad extends Error {
  readonly code = "PROXY_HEADER_BAD";
}
