/**
 * What an administrator knows from Postfix, and where it is here: the one table behind docs/guide/from-postfix.md. A test
 * compares every plugin and option with what there is.
 */

/** `core`: a key of the config file, or of a listener. `null`: there is none, and `note` says why. */
export interface Row {
  readonly postfix: string;
  readonly at: string | null;
  readonly option?: string;
  readonly note?: string;
}

export interface Section {
  readonly title: string;
  readonly text?: string;
  readonly rows: readonly Row[];
}

const row = (postfix: string, at: string | null, option?: string, note?: string): Row => ({
  postfix,
  at,
  ...(option === undefined ? {} : { option }),
  ...(note === undefined ? {} : { note }),
});

export const sections: readonly Section[] = [
  {
    title: "Restrictions of every list",
    text: "The order of the plugins is the order in which they are asked, and `when: { role: [mx] }` says for which clients.",
    rows: [
      row(
        "permit",
        null,
        undefined,
        "what no plugin refuses goes on; a policy that answers `allow` ends its hook's chain",
      ),
      row("reject", "policy-access", "checks.check", "`check: client`; `static:REJECT` as table"),
      row("defer", "policy-access", "checks.check", "`check: client`; `static:DEFER` as table"),
      row("defer_if_permit, defer_if_reject", "policy-access", "checks.check", "`check: sender`; actions of a table"),
      row("mynetworks, permit_mynetworks", "policy-relay", "networks", "the policies have `exempt.networks` besides"),
      row(
        "permit_sasl_authenticated",
        "policy-relay",
        "authenticated",
        "the policies have `exempt.authenticated` besides",
      ),
      row("permit_inet_interfaces", "policy-relay", "networks", "name the addresses"),
      row("reject_plaintext_session", "core", "listeners.tls", "`required` or `implicit`"),
      row("reject_multi_recipient_bounce", "policy-sender", "multiRecipientBounce"),
      row(
        "reject_unauth_pipelining",
        "policy-pregreet",
        "action",
        "early talkers; commands behind a verb that must come last are refused by core",
      ),
      row("check_policy_service", "policy-delegate", "server"),
      row("warn_if_reject", "core", "plugins.shadow", "of an entry: asked, logged, without effect"),
      row("sleep", "policy-pregreet", "greetWait"),
      row("smtpd_delay_reject", "core", "delayReject"),
      row(
        "smtpd_restriction_classes",
        "core",
        "plugins.when",
        "an entry may stand there twice, with options of its own for some listeners",
      ),
      row(
        "smtpd_policy_service_timeout, smtpd_policy_service_default_action",
        "policy-delegate",
        "fallback",
        "and `timeout`",
      ),
    ],
  },
  {
    title: "smtpd_client_restrictions",
    rows: [
      row("check_client_access", "policy-access", "checks.check", "`check: client`"),
      row("check_ccert_access", "policy-access", "checks.check", "`check: certificate`"),
      row("check_sasl_access", "policy-access", "checks.check", "`check: login`"),
      row("check_reverse_client_hostname_access", "policy-access", "checks.check", "`check: reverseClient`"),
      row(
        "check_client_a_access, check_client_mx_access, check_client_ns_access",
        "policy-access",
        "checks.check",
        "`check: clientA`, `clientMx`, `clientNs`",
      ),
      row("permit_tls_clientcerts", "policy-relay", "certificates"),
      row("permit_tls_all_clientcerts", "policy-relay", "verifiedCertificates"),
      row("reject_rbl_client", "policy-dnsbl", "client"),
      row("permit_dnswl_client, permit_rhswl_client", "policy-dnsbl", "allowFrom", "lists with a negative weight"),
      row("reject_rhsbl_client, reject_rhsbl_reverse_client", "policy-dnsbl", "clientName"),
      row("reject_unknown_client_hostname", "policy-client", "unconfirmed"),
      row("reject_unknown_reverse_client_hostname", "policy-client", "noName"),
      row("smtpd_peername_lookup", "core", "dns.clientNames"),
    ],
  },
  {
    title: "smtpd_helo_restrictions",
    rows: [
      row("smtpd_helo_required", null, undefined, "always: MAIL before EHLO is answered 503"),
      row("check_helo_access", "policy-access", "checks.check", "`check: helo`"),
      row(
        "check_helo_a_access, check_helo_mx_access, check_helo_ns_access",
        "policy-access",
        "checks.check",
        "`check: heloA`, `heloMx`, `heloNs`",
      ),
      row("reject_invalid_helo_hostname", "policy-helo", "invalid"),
      row("reject_non_fqdn_helo_hostname", "policy-helo", "nonFqdn"),
      row("reject_unknown_helo_hostname", "policy-helo", "unknown"),
      row("reject_rhsbl_helo", "policy-dnsbl", "helo"),
    ],
  },
  {
    title: "smtpd_sender_restrictions",
    rows: [
      row("check_sender_access", "policy-access", "checks.check", "`check: sender`"),
      row(
        "check_sender_a_access, check_sender_mx_access, check_sender_ns_access",
        "policy-access",
        "checks.check",
        "`check: senderA`, `senderMx`, `senderNs`",
      ),
      row("reject_non_fqdn_sender", "policy-sender", "nonFqdn"),
      row("reject_unknown_sender_domain", "policy-sender", "unknownDomain"),
      row("reject_unlisted_sender, smtpd_reject_unlisted_sender", "policy-sender", "unlisted"),
      row("reject_unverified_sender", "policy-verify", "sender"),
      row("reject_rhsbl_sender", "policy-dnsbl", "sender"),
      row("reject_sender_login_mismatch, reject_authenticated_sender_login_mismatch", "policy-sender-login", "mode"),
      row(
        "reject_unauthenticated_sender_login_mismatch, reject_known_sender_login_mismatch",
        "policy-sender-login",
        "mode",
      ),
      row("smtpd_sender_login_maps", "policy-sender-login", "maps"),
      row("smtpd_null_access_lookup_key", "policy-access", "nullSenderKey"),
    ],
  },
  {
    title: "smtpd_relay_restrictions and smtpd_recipient_restrictions",
    text: "Relaying is denied by the kernel: with an empty list of plugins nobody can relay.",
    rows: [
      row("check_recipient_access", "policy-access", "checks.check", "`check: recipient`"),
      row(
        "check_recipient_a_access, check_recipient_mx_access, check_recipient_ns_access",
        "policy-access",
        "checks.check",
        "`check: recipientA`, `recipientMx`, `recipientNs`",
      ),
      row(
        "permit_auth_destination",
        null,
        undefined,
        "addresses of accounts, aliases and relay domains are taken anyway",
      ),
      row("reject_unauth_destination, defer_unauth_destination", null, undefined, "always on, in core"),
      row("permit_mx_backup, permit_mx_backup_networks", "policy-relay", "mxBackup"),
      row("relay_domains", "policy-relay", "relayDomains"),
      row("relay_recipient_maps", "policy-relay", "relayRecipients"),
      row("reject_non_fqdn_recipient", "policy-recipient", "nonFqdn"),
      row("reject_unknown_recipient_domain", "policy-recipient", "unknownDomain"),
      row("reject_unlisted_recipient, smtpd_reject_unlisted_recipient", null, undefined, "always on, in core"),
      row("reject_unverified_recipient", "policy-verify", "recipient"),
      row(
        "address_verify_sender, address_verify_map",
        "policy-verify",
        "probeSender",
        "what is known is kept in `dataDir/kv`",
      ),
      row(
        "reject_rhsbl_recipient",
        "policy-access",
        "checks.check",
        "`check: recipient` with a table of your own; lists in DNS are asked about clients and senders",
      ),
      row("check_policy_service with postgrey", "policy-greylist", undefined, "or postgrey itself, by policy-delegate"),
    ],
  },
  {
    title: "smtpd_data_restrictions, smtpd_end_of_data_restrictions, smtpd_etrn_restrictions",
    rows: [
      row("header_checks", "policy-headers", "header"),
      row("mime_header_checks, nested_header_checks", "policy-headers", "mimeHeader", "and `nestedHeader`"),
      row("body_checks", "policy-headers", "body"),
      row("body_checks_size_limit, header_size_limit", "policy-headers", "partSize", "and `headerSize`"),
      row("smtp_header_checks, milter_header_checks", null, undefined, "mail is only looked at where it comes in"),
      row(
        "smtpd_milters, non_smtpd_milters",
        null,
        undefined,
        "milters are not spoken yet; write a plugin, or a filter behind the queue",
      ),
      row(
        "smtpd_proxy_filter",
        null,
        undefined,
        "no proxy before the queue; policies see the whole message before it is taken",
      ),
      row("check_etrn_access", "core", "listeners.etrn"),
      row("fast_flush_domains", "core", "listeners.etrnDomains"),
    ],
  },
  {
    title: "Rates and limits",
    rows: [
      row(
        "smtpd_client_connection_rate_limit, smtpd_client_connection_count_limit",
        "policy-rate",
        "rules.count",
        "`count: connections`, `concurrency`",
      ),
      row(
        "smtpd_client_message_rate_limit, smtpd_client_recipient_rate_limit",
        "policy-rate",
        "rules.count",
        "`count: messages`, `recipients`",
      ),
      row(
        "smtpd_client_new_tls_session_rate_limit, smtpd_client_auth_rate_limit",
        "policy-rate",
        "rules.count",
        "`count: tlsHandshakes`, `authAttempts`; auth-throttle bans who guesses",
      ),
      row("anvil_rate_time_unit", "policy-rate", "rules.within"),
      row("smtpd_client_event_limit_exceptions", "policy-rate", "networks"),
      row(
        "smtpd_client_ipv4_prefix_length, smtpd_client_ipv6_prefix_length",
        "policy-rate",
        "rules.ipv4Prefix",
        "with `per: network`",
      ),
      row("smtpd_recipient_limit", "core", "limits.recipients"),
      row("message_size_limit", "core", "limits.messageSize"),
      row("header_size_limit", "core", "limits.headerSize", "of the whole header; what is longer is refused, not cut"),
      row("line_length_limit", "core", "limits.lineLength"),
      row("hopcount_limit", "core", "limits.hops"),
      row("smtpd_hard_error_limit", "core", "limits.errors"),
      row(
        "smtpd_soft_error_limit, smtpd_error_sleep_time",
        null,
        undefined,
        "nobody is slowed down for errors; auth-throttle delays who guesses passwords",
      ),
      row("smtpd_junk_command_limit", "core", "limits.idleCommands"),
      row("smtpd_timeout", "core", "limits.commandTimeout"),
      row("smtpd_min_data_rate", "core", "limits.minDataRate"),
      row("smtpd_per_request_deadline", null, undefined, "always: `limits.commandTimeout` is for a whole command"),
      row("smtpd_forbid_bare_newline", "core", "limits.bareLineEnds"),
      row("smtpd_forbid_unauth_pipelining", null, undefined, "always on, in core"),
    ],
  },
  {
    title: "postscreen",
    rows: [
      row("postscreen_greet_action, postscreen_greet_wait", "policy-pregreet", "greetWait"),
      row("postscreen_greet_ttl, postscreen_cache_map", "policy-pregreet", "ttl", "kept in `dataDir/kv`"),
      row("postscreen_dnsbl_sites, postscreen_dnsbl_threshold", "policy-dnsbl", "threshold"),
      row("postscreen_dnsbl_allowlist_threshold, postscreen_dnsbl_whitelist_threshold", "policy-dnsbl", "allowFrom"),
      row("postscreen_access_list", "policy-access", "checks.check", "`check: client`"),
      row(
        "postscreen_bare_newline_enable, postscreen_pipelining_enable, postscreen_non_smtp_command_enable",
        null,
        undefined,
        "always on, in core",
      ),
      row("postscreen_upstream_proxy_protocol, smtpd_upstream_proxy_protocol", "core", "listeners.proxy"),
    ],
  },
  {
    title: "Listeners, TLS and logins",
    rows: [
      row("smtpd_tls_security_level", "core", "listeners.tls"),
      row("smtpd_tls_wrappermode", "core", "listeners.tls", "`implicit`"),
      row("smtpd_tls_cert_file, smtpd_tls_key_file, smtpd_tls_chain_files", "core", "tls"),
      row("tls_server_sni_maps", "core", "tls", "a list; the names are those in the certificates"),
      row("smtpd_tls_auth_only", null, undefined, "always: passwords go under TLS, or come from this machine"),
      row(
        "smtpd_tls_protocols, smtpd_tls_mandatory_protocols, smtpd_tls_ciphers",
        null,
        undefined,
        "TLS 1.2 and 1.3 with forward secrecy, always",
      ),
      row("smtpd_tls_received_header", null, undefined, "always"),
      row("smtpd_tls_ask_ccert, smtpd_tls_req_ccert", "core", "listeners.clientCertificates"),
      row("smtpd_tls_CAfile", "core", "listeners.clientCa"),
      row("smtpd_authorized_xclient_hosts", "core", "listeners.xclient"),
      row("smtpd_authorized_xforward_hosts", "core", "listeners.xforward"),
      row(
        "smtpd_sasl_auth_enable",
        null,
        undefined,
        "on wherever a password does not travel in clear; [authentication](authentication.md)",
      ),
      row(
        "smtpd_sasl_type, smtpd_sasl_path",
        "directory-file",
        "path",
        "no Dovecot or Cyrus beside it: accounts and logins are plugins",
      ),
      row("smtpd_sasl_security_options", "core", "login.mechanisms"),
      row("disable_vrfy_command", "core", "listeners.vrfy"),
      row(
        "inet_interfaces, master.cf",
        "core",
        "listeners",
        "`host` and `port`; options of a service (-o) are `when`, `limits` and the listener's keys",
      ),
    ],
  },
  {
    title: "Content filters",
    rows: [
      row("content_filter", "route-filter", "filter", "and a listener with `role: reinject`"),
      row("FILTER in tables", "policy-access", "checks", "policy-headers and policy-delegate know it, too"),
      row("receive_override_options", null, undefined, "the role `reinject` neither expands nor completes again"),
      row("smtp_send_xforward_command", null, undefined, "XFORWARD is taken from filters, but not sent to them yet"),
    ],
  },
  {
    title: "Where mail goes",
    rows: [
      row("relayhost", "deliver-smtp", "smarthost"),
      row(
        "smtp_sasl_auth_enable, smtp_sasl_password_maps",
        "deliver-smtp",
        "passwordFile",
        "one login, for the smarthost",
      ),
      row("smtp_tls_security_level", "deliver-smtp", "tls"),
      row("smtp_tls_policy_maps", null, undefined, "one level for all hosts; REQUIRETLS is for single messages"),
      row("smtp_bind_address", "deliver-smtp", "sourceAddress"),
      row("sender_dependent_relayhost_maps, sender_dependent_default_transport_maps", "route-sender", "maps"),
      row(
        "transport_maps",
        "policy-relay",
        "relayNextHops",
        "for relay domains; there is no table of transports for all recipients yet",
      ),
      row("virtual_transport, mailbox_transport, local_transport", "deliver-local"),
      row(
        "smtp_generic_maps",
        "alias-canonical",
        "senderMaps",
        "when mail comes in; there is none for mail that goes out",
      ),
    ],
  },
  {
    title: "The queue",
    rows: [
      row("minimal_backoff_time, queue_run_delay", "core", "queue.firstRetry"),
      row("maximal_backoff_time", "core", "queue.maxRetry"),
      row("maximal_queue_lifetime, bounce_queue_lifetime", "core", "queue.expiry"),
      row("delay_warning_time", "core", "queue.warnAfter"),
      row(
        "notify_classes, 2bounce_notice_recipient",
        "core",
        "postmaster",
        "bounces that cannot be delivered go there",
      ),
      row("soft_bounce", "core", "plugins.shadow", "there is none; a policy may be tried out, logged and not obeyed"),
      row(
        "mailq, postqueue, postsuper",
        null,
        undefined,
        "no commands for the queue yet: mail on HOLD stays there until there are",
      ),
      row("queue_directory, mail_owner", "core", "dataDir", "and `user`"),
    ],
  },
  {
    title: "Addresses",
    rows: [
      row("virtual_alias_maps, alias_maps", "alias-virtual", "maps"),
      row("virtual_alias_domains", "alias-virtual", "domains"),
      row("luser_relay", "alias-virtual", "maps", "a key `@example.org` for all that is left"),
      row("mydestination, virtual_mailbox_domains", "directory-file", "domains"),
      row("virtual_mailbox_maps, local_recipient_maps", "directory-file", "path"),
      row("home_mailbox, virtual_mailbox_base", "store-maildir", "path"),
      row(
        "canonical_maps, sender_canonical_maps, recipient_canonical_maps",
        "alias-canonical",
        "maps",
        "`senderMaps`, `recipientMaps`",
      ),
      row("canonical_classes, local_header_rewrite_clients", "alias-canonical", "classes", "and `headersOf`"),
      row("propagate_unmatched_extensions", "alias-canonical", "propagateExtension", "alias-virtual always does"),
      row("masquerade_domains, masquerade_exceptions", "alias-masquerade", "domains", "and `exceptions`"),
      row("always_bcc, sender_bcc_maps, recipient_bcc_maps", "alias-bcc", "always", "`senderMaps`, `recipientMaps`"),
      row("relocated_maps", "alias-relocated", "maps"),
      row("recipient_delimiter", "core", "recipientDelimiter"),
      row("myorigin, append_at_myorigin", "core", "origin"),
      row(
        "append_dot_mydomain",
        null,
        undefined,
        "names without a dot stay as they are; policy-sender and policy-recipient refuse them",
      ),
      row("always_add_missing_headers", null, undefined, "submission completes what its users send, nothing else does"),
      row("myhostname", "core", "hostname"),
    ],
  },
];
