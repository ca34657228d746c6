/** Addresses that a program names, on the command line or in the header. What cannot be read is an error: nobody is left out silently. */

import { exitCodes } from "../kernel/exit-codes.ts";
import { parsePath } from "../mail/address.ts";
import { countMailboxes, editAddresses } from "../mail/address-editor.ts";
import { parseHeader } from "../mail/header.ts";
import { SendmailError } from "./sendmail-error.ts";

/** A field whose value is octets (latin1) as a list of addresses, as they would stand in a path; `null`: not all of it can be read. */
export function readAddressList(octets: string): readonly string[] | null {
  const found: string[] = [];
  let isGood = true;
  editAddresses(octets, ({ localPart, domain }) => {
    const text = Buffer.from(domain === null ? localPart : `${localPart}@${domain}`, "latin1").toString("utf8");
    const path = parsePath(`<${text}>`, { bare: true });
    if (path?.address && path.rest === "") found.push(path.address.toString());
    else isGood = false;
    return null;
  });
  return isGood && countMailboxes(octets) === found.length ? found : null;
}

/** Of the command line: each argument may be a list, as in a header. */
export function readRecipients(args: readonly string[]): readonly string[] {
  return args.flatMap((arg) => {
    const list = readAddressList(octetsOf(arg));
    if (list === null || list.length === 0) throw new SendmailError(`no address: ${shown(arg)}`, exitCodes.noUser);
    return list;
  });
}

/** `null`: the null reverse-path. */
export function readSender(arg: string): string | null {
  if (arg.trim() === "" || arg.trim() === "<>") return null;
  const list = readAddressList(octetsOf(arg));
  const [only] = list ?? [];
  if (list?.length !== 1 || only === undefined)
    throw new SendmailError(`no address of a sender: ${shown(arg)}`, exitCodes.usage);
  return only;
}

const namingFields: ReadonlySet<string> = new Set(["to", "cc", "bcc"]);
const resentNamingFields: ReadonlySet<string> = new Set(["resent-to", "resent-cc", "resent-bcc"]);
const RESENT = /^resent-(?:from|date|to|sender|cc|bcc|message-id)$/;

export interface HeaderFacts {
  readonly recipients: readonly string[];
  /** RFC 5322 3.6.6: it is sent on; who gets it now stands in fields of their own. */
  readonly isResent: boolean;
  readonly hasFrom: boolean;
}

/** Whom a message names, for `-t`: of one that is sent on, only whom it is sent on to. */
export function readHeaderFacts(header: Buffer, readsRecipients: boolean): HeaderFacts {
  const fields = parseHeader(header).map(({ name, valueStart, end }) => ({
    name: name.toLowerCase(),
    valueStart,
    end,
  }));
  const isResent = fields.some(({ name }) => RESENT.test(name));
  const naming = isResent ? resentNamingFields : namingFields;
  const recipients = (readsRecipients ? fields : [])
    .filter(({ name }) => naming.has(name))
    .flatMap(({ name, valueStart, end }) => {
      const value = header.toString("latin1", valueStart, end);
      const list = readAddressList(value);
      if (list === null)
        throw new SendmailError(
          `the field ${name} has something that is no address: ${shown(value.trim())}`,
          exitCodes.dataError,
        );
      return list;
    });
  return { recipients, isResent, hasFrom: fields.some(({ name }) => name === (isResent ? "resent-from" : "from")) };
}

const octetsOf = (text: string): string => Buffer.from(text).toString("latin1");
const shown = (text: string): string => JSON.stringify(text.slice(0, 200));
