/**
 * Macros in the arguments of a command, as pipe(8) of Postfix has them: `${recipient}`, `$(sender)`, `$size`; `$$` is a dollar sign. An argument
 * that speaks of a recipient stands once for each recipient of the run.
 */
import { splitExtension } from "postern/mail";
import type { Delivery, Recipient } from "postern/plugin";

export interface MacroRoom {
  readonly recipientDelimiter: string;
  readonly nullSender: string;
  readonly allowDash: boolean;
}

type OfMessage = (delivery: Delivery, room: MacroRoom) => string;
type OfRecipient = (recipient: Recipient, room: MacroRoom) => string;

const ofMessage: Readonly<Record<string, OfMessage>> = {
  client_address: ({ envelope }) => envelope.session?.remote.address ?? "unknown",
  client_helo: ({ envelope }) => envelope.session?.heloName ?? "unknown",
  client_hostname: ({ envelope }) => envelope.session?.remote.hostname ?? "unknown",
  client_port: ({ envelope }) => String(envelope.session?.remote.port ?? "unknown"),
  client_protocol: ({ envelope }) => envelope.session?.protocol.toUpperCase() ?? "unknown",
  envid: ({ envelope }) => envelope.envid ?? "",
  nexthop: ({ route }) => route.nextHop ?? "",
  queue_id: ({ envelope }) => envelope.id,
  sasl_method: ({ envelope }) => envelope.session?.identity?.mechanism ?? "",
  sasl_username: ({ envelope }) => envelope.session?.identity?.login ?? "",
  sender: ({ envelope }, { nullSender }) => (envelope.reversePath === null ? nullSender : String(envelope.reversePath)),
  size: ({ message }) => String(message.sizeBytes),
};

const ofRecipient: Readonly<Record<string, OfRecipient>> = {
  domain: ({ address }) => address.domain,
  extension: ({ address }, { recipientDelimiter }) =>
    splitExtension(address.localPart, recipientDelimiter).extension.slice(1),
  mailbox: ({ address }) => address.localPart,
  original_recipient: (recipient) => originalOf(recipient),
  recipient: ({ address }) => String(address),
  user: ({ address }, { recipientDelimiter }) => splitExtension(address.localPart, recipientDelimiter).bare,
};

/** Whom the client asked for. */
export const originalOf = ({ address, parents }: Recipient): string => String(parents[0] ?? address);

const MACRO = /\$(?:\$|\{([^{}]*)\}|\(([^()]*)\)|([a-z_]+))/g;

/** What is wrong with an argument; `null`: nothing. */
export function templateFault(template: string): string | null {
  for (const [whole, braced, bracketed, plain] of template.matchAll(MACRO)) {
    const name = braced ?? bracketed ?? plain;
    if (name !== undefined && !Object.hasOwn(ofMessage, name) && !Object.hasOwn(ofRecipient, name))
      return `there is no ${whole}; there are ${[...Object.keys(ofMessage), ...Object.keys(ofRecipient)].sort().join(", ")}`;
  }
  return /\$(?![$({a-z_])/.test(template.replaceAll(MACRO, "")) ? "a dollar sign is written $$" : null;
}

/** `null`: one of the arguments would begin with a dash that a stranger has chosen. */
export function argumentsOf(
  templates: readonly string[],
  delivery: Delivery,
  recipients: readonly Recipient[],
  room: MacroRoom,
): readonly string[] | null {
  const args: string[] = [];
  for (const template of templates) {
    const isPersonal = [...template.matchAll(MACRO)].some(([, braced, bracketed, plain]) =>
      Object.hasOwn(ofRecipient, braced ?? bracketed ?? plain ?? ""),
    );
    for (const recipient of isPersonal ? recipients : recipients.slice(0, 1)) {
      const arg = filled(template, delivery, recipient, room);
      if (!room.allowDash && arg.startsWith("-") && !template.startsWith("-")) return null;
      args.push(arg);
    }
  }
  return args;
}

function filled(template: string, delivery: Delivery, recipient: Recipient, room: MacroRoom): string {
  return template.replace(MACRO, (whole, braced?: string, bracketed?: string, plain?: string) => {
    const name = braced ?? bracketed ?? plain;
    if (name === undefined) return "$";
    const value = ofMessage[name]?.(delivery, room) ?? ofRecipient[name]?.(recipient, room) ?? whole;
    // No string of a program may have it.
    return value.replaceAll("\0", "");
  });
}
