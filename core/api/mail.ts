/** `postern/mail`: values and parsers of mail, without any I/O. */
export * from "../mail/access-action.ts";
export * from "../mail/address.ts";
export * from "../mail/extension.ts";
export * from "../mail/network.ts";
export * from "../mail/next-hop.ts";
export * from "../mail/parse-mail.ts";
export * from "../mail/remote-reply.ts";
export * from "../mail/structure/address-list.ts";
export * from "../mail/structure/charset.ts";
export * from "../mail/structure/date.ts";
export * from "../mail/structure/encoded-word.ts";
export * from "../mail/structure/envelope.ts";
export * from "../mail/structure/field-value.ts";
export * from "../mail/structure/header-fields.ts";
export * from "../mail/structure/structure.ts";
export * from "../mail/structure/structure-parser.ts";
export * from "../mail/structure/transfer-encoding.ts";
