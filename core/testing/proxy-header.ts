/** PROXY headers of version 2 as tests want them, wrong ones included. */

export const proxyField = (type: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type, value.length >> 8, value.length & 0xff]), value]);

export function proxyHeaderV2({
  version = 2,
  command = 1,
  family = 0x11,
  addresses = Buffer.alloc(0),
  fields = [],
}: {
  readonly version?: number;
  readonly command?: number;
  /** Address family and transport in one octet. */
  readonly family?: number;
  readonly addresses?: Buffer;
  readonly fields?: readonly Buffer[];
}): Buffer {
  const rest = Buffer.concat([addresses, ...fields]);
  const fixed = Buffer.from("\r\n\r\n\0\r\nQUIT\n    ", "latin1");
  fixed[12] = (version << 4) | command;
  fixed[13] = family;
  fixed.writeUInt16BE(rest.length, 14);
  return Buffer.concat([fixed, rest]);
}
