/** One line for programs. JSON leaves C1 controls as they are, and a sender may have chosen one: a terminal would obey it. */
export const jsonLine = (value: object): string => `${harmless(JSON.stringify(value))}\n`;

const harmless = (json: string): string =>
  json.replace(/[\u007f-\u009f\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
