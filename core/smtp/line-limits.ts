/** How long a client's lines may be, in octets with CRLF. */

/** RFC 5321 4.5.3.1.4 has 512; extensions add to it (RFC 3461, RFC 6531), and real source routes are long. */
export const COMMAND_OCTETS = 2048;
/** RFC 4954 4 */
export const AUTH_LINE_OCTETS = 12_288;
