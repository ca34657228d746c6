/** Shapes of values that came from a plugin, and how they are shown in a log line. Never throws, but for getters that do. */

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

export const isText = (value: unknown): value is string => typeof value === "string";

/** Without C0, DEL, C1 and the line separators: fit for a reply, a log line or a header. */
export const oneLine = (text: string): boolean => !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);

/** A name: something, on one line. */
export const isWord = (value: unknown): value is string =>
  isText(value) && value !== "" && value.length <= 1000 && oneLine(value);

/** A value in a few safe words. */
export function show(value: unknown): string {
  if (isText(value)) return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "function") return "a function";
  if (isRecord(value)) return "an object without a known verdict";
  return String(value);
}
