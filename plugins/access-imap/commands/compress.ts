/** COMPRESS (RFC 4978): DEFLATE is what there is. After the login only: before it a compressor is too much to give to anybody. */
import { formatReply, no, ok } from "../reply.ts";
import { defineCommand } from "./command.ts";

export const compress = defineCommand({
  validIn: "authenticated",
  parse(parser) {
    parser.space();
    const mechanism = parser.atom().toUpperCase();
    parser.end();
    return mechanism;
  },
  run({ session, tag }, mechanism) {
    const { connection, out } = session;
    if (mechanism !== "DEFLATE") return no("This mechanism is not available", "CANNOT");
    // RFC 4978 3: once; TLS of this server never compresses.
    if (connection.isCompressed) return no("Compression is on already", "COMPRESSIONACTIVE");
    out.line(formatReply(tag, ok("Compression is on")));
    const written = out.flush();
    connection.startCompression();
    return Promise.resolve(written).then(() => null);
  },
});
