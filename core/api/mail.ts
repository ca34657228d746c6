/** `postern/mail`: values and parsers of mail, without any I/O. */
export * from "../mail/address.ts";
export * from "../mail/structure/structure.ts";
