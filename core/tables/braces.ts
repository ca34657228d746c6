/** Lists in braces, as `inline:{...}`, `unionmap:{...}` and `pcre:{...}` have them: items between commas or white space, each of which may stand in braces of its own. */

/** What stands between the outer braces, `null` if there are none. */
export function inBraces(text: string): string | null {
  const trimmed = text.trim();
  return trimmed.startsWith("{") && trimmed.endsWith("}") && trimmed.length > 1 ? trimmed.slice(1, -1).trim() : null;
}

/** Throws for braces that do not pair. An item in braces keeps them. */
export function splitItems(text: string): readonly string[] {
  const items: string[] = [];
  let item = "";
  let depth = 0;
  for (const char of text) {
    if (char === "{") depth += 1;
    if (char === "}") depth -= 1;
    if (depth < 0) throw new Error("there is a } without its {");
    if (depth === 0 && /[\s,]/.test(char)) {
      if (item !== "") items.push(item);
      item = "";
    } else {
      item += char;
      if (depth === 0 && char === "}") {
        items.push(item);
        item = "";
      }
    }
  }
  if (depth > 0) throw new Error("there is a { without its }");
  if (item !== "") items.push(item);
  return items;
}
