/** The mechanisms there are, in the order in which they are offered. */
import { login } from "./login.ts";
import type { Mechanism } from "./mechanism.ts";
import { plain } from "./plain.ts";

export const mechanisms: readonly Mechanism[] = [plain, login];

export function mechanismNamed(name: string): Mechanism | null {
  const wanted = name.toUpperCase();
  return mechanisms.find((mechanism) => mechanism.name === wanted) ?? null;
}
