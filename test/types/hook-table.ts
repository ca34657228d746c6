/** The hook table as data says the same as the hooks as types: no verdict too few, no argument too many. */
import type { AllHooks, HookName } from "../../core/contracts/hooks.ts";
import type { hookTable, VerdictName } from "../../core/kernel/hook-table.ts";

type Table = typeof hookTable;

/** Verdicts that a hook allows and its row leaves out. (Too many in a row do not compile there.) */
type MissingVerdicts = {
  [H in HookName]: Exclude<VerdictName<H>, Table[H]["verdicts"][number]>;
}[HookName];

/** Hooks whose row names more or fewer arguments than their type has. */
type MiscountedArguments = {
  [H in HookName]: Table[H]["arguments"]["length"] extends Parameters<AllHooks[H]>["length"] ? never : H;
}[HookName];

type Nothing<T extends never> = T;
export type NoVerdictIsMissing = Nothing<MissingVerdicts>;
export type ArgumentsAreCounted = Nothing<MiscountedArguments>;
