/** What the client sent is no command of this protocol: answered with BAD and this text (RFC 3501 7.1.3). */
export class SyntaxFault extends Error {}
