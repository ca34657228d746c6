/** Free text as a parameter of a command: RFC 3461 4, RFC 6533 3. */

/** Printable ASCII without "+" and "=" stands for itself. */
export const xtext = (raw: string): string =>
  /^[!-*,-<>-~]*$/.test(raw)
    ? raw
    : [...Buffer.from(raw, "utf8")]
        .map((octet) =>
          octet > 0x20 && octet < 0x7f && octet !== 0x2b && octet !== 0x3d
            ? String.fromCharCode(octet)
            : `+${octet.toString(16).toUpperCase().padStart(2, "0")}`,
        )
        .join("");

/** RFC 6533 3, utf-8-addr-xtext: the form that every server of DSN can carry. */
export const utf8Xtext = (raw: string): string =>
  [...raw]
    .map((char) =>
      /^[!-*,-<>-[\]-~]$/.test(char)
        ? char
        : `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0")}}`,
    )
    .join("");
