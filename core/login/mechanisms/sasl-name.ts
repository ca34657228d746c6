/** `saslname` (RFC 5801 4, RFC 5802 5.1): a comma is written `=2C`, an equals sign `=3D`. `null`: written otherwise. */
export function decodeSaslName(text: string): string | null {
  if (/=(?!2C|3D)|,/.test(text)) return null;
  return text.replaceAll("=2C", ",").replaceAll("=3D", "=");
}
