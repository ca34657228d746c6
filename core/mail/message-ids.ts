/** Ids of messages in `Message-ID`, `References` and `In-Reply-To` (RFC 5322 3.6.4), as threading compares them (RFC 5256 3). */

/** In order, without brackets, comments and blanks; a quoted local part as it stands. At most `limit`: the first, and the last ones. */
export function messageIds(value: string, limit: number): readonly string[] {
  const ids: string[] = [];
  let at = 0;
  while (ids.length <= limit) {
    const open = value.indexOf("<", at);
    if (open === -1) break;
    const close = value.indexOf(">", open);
    if (close === -1) break;
    at = close + 1;
    // A bracket that was not closed: the last one counts.
    const id = value.slice(value.lastIndexOf("<", close) + 1, close).replace(/\s+/g, "");
    if (id !== "" && id.length <= maxIdLength) ids.push(id);
    if (ids.length > limit) ids.splice(1, 1);
  }
  return ids;
}

/** RFC 5322 2.1.1: a line has 998 at most. */
const maxIdLength = 998;
