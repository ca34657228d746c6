/** The page `docs/guide/from-postfix.md`, from the table beside this file. */
import type { Row } from "./from-postfix-row.ts";
import { sections } from "./from-postfix-table.ts";

const intro = `# From Postfix

<!-- Generated from test/reference/from-postfix-table.ts: \`npx vitest run test/reference -u\` writes it anew. -->

Where to find here what you know from main.cf. A plugin's README has its options, their defaults and what is answered;
[the config keys](../reference/config-keys.md) have those of the server. Look-up tables are written as in Postfix (\`hash:/etc/postern/virtual\`,
\`pcre:\`, \`cidr:\`, ...) and read the same files, without \`postmap\`: \`postern map query TABLE KEY\` answers as \`postmap -q KEY TABLE\` does.

Two things are different from the start. **Relaying**: nobody may relay unless a plugin grants it, whatever the order of the list. **Order**:
there is one list of plugins, and each plugin is asked at the stages where it has something to say; refusals of client, HELO and sender are given
at the first recipient, as with \`smtpd_delay_reject = yes\`.

\`\`\`
mynetworks = 127.0.0.0/8 192.0.2.0/24
smtpd_helo_restrictions = permit_mynetworks, reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = permit_mynetworks, permit_sasl_authenticated,
    check_sender_access hash:/etc/postfix/senders, reject_unknown_sender_domain
smtpd_recipient_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination,
    reject_rbl_client zen.example, check_policy_service inet:127.0.0.1:10023
\`\`\`

becomes

\`\`\`yaml
plugins:
  - policy-relay: { networks: &ours [127.0.0.0/8, 192.0.2.0/24] }
  - policy-access:
      checks: [{ check: sender, maps: ["hash:/etc/postern/senders"] }]
      exempt: { networks: *ours, authenticated: true } # others leave alone who has logged in by themselves
  - policy-helo: { exempt: { networks: *ours } }
  - policy-sender: { unknownDomain: reject, exempt: { networks: *ours } }
  - policy-dnsbl: { client: [zen.example], exempt: { networks: *ours } }
  - policy-delegate: { server: "inet:127.0.0.1:10023", exempt: { networks: *ours } }
\`\`\`

\`postern check\` says what does not fit, \`postern explain rcptTo\` who is asked at RCPT and in which order.
`;

const place = ({ at, option }: Row): string => {
  if (at === null) return "-";
  if (at === "core") return `\`${option ?? ""}\``;
  const link = `[${at}](../../plugins/${at}/README.md)`;
  return option === undefined ? link : `${link}: \`${option}\``;
};

export function fromPostfix(): string {
  const pages = sections.map(({ title, text, rows }) => {
    const lines = rows.map((row) => `| ${names(row.postfix)} | ${place(row)} | ${row.note ?? ""} |`);
    return [`## ${title}`, "", ...(text ? [text, ""] : []), "| Postfix | here | |", "|---|---|---|", ...lines, ""].join(
      "\n",
    );
  });
  return `${intro}\n${pages.join("\n")}`;
}

const names = (text: string): string =>
  text
    .split(", ")
    .map((part) => (/^\S+$/.test(part) ? `\`${part}\`` : part.replace(/\b[a-zA-Z0-9]+(?:_[a-zA-Z0-9]+)+\b/g, "`$&`")))
    .join(", ");
