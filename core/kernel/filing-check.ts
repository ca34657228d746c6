/** Whether the actions of a `filed` answer are such; gives them with whole addresses, or a sentence that says what is wrong. */
import type { Filed, FilingAction } from "../contracts/verdicts.ts";
import { wholeAddress } from "./addresses.ts";
import { isRecord, isText, isWord, show } from "./shown.ts";

export function checkActions(actions: unknown): Filed["actions"] | string {
  if (!Array.isArray(actions)) return "filed without a list of actions";
  const checked: FilingAction[] = [];
  for (const action of actions) {
    const one = checkAction(action);
    if (isText(one)) return one;
    checked.push(one);
  }
  const [first, ...others] = checked;
  return first ? [first, ...others] : "filed nowhere, which would lose the message; discard says so";
}

function checkAction(action: unknown): FilingAction | string {
  if (!isRecord(action)) return "filed with an action that is none";
  const { flags, mailbox, create, reason } = action;
  const hasFlags = flags === undefined || (Array.isArray(flags) && flags.every(isWord));
  switch (action.do) {
    case "keep":
      if (!hasFlags) return "keep with flags that are no list of words";
      return flags === undefined ? { do: "keep" } : { do: "keep", flags };
    case "fileInto":
      if (!isWord(mailbox)) return "fileInto without the name of a mailbox";
      if (!hasFlags) return "fileInto with flags that are no list of words";
      return {
        do: "fileInto",
        mailbox,
        ...(flags !== undefined && { flags }),
        ...(create !== undefined && { create: create === true }),
      };
    case "redirect": {
      const address = wholeAddress(action.address);
      return address ? { do: "redirect", address } : "redirect without an address";
    }
    case "reject":
    case "discard":
      return isText(reason) ? { do: action.do, reason } : `${action.do} without a reason`;
    default:
      return `there is no filing action ${show(action.do)}`;
  }
}
