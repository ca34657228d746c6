// biome-ignore-all lint/correctness/noUnusedVariables: scripts are put behind it, which use them.
// What scripts in Thunderbird begin with: what its own windows do, as promises.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.findServer("alice@example.org", "127.0.0.1", "imap");
const root = server?.rootFolder;

const failure = (what, status) => new Error(`${what} failed: 0x${(status >>> 0).toString(16)}`);

const update = (folder) =>
  new Promise((resolve, reject) => {
    folder.updateFolderWithListener(null, {
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
      OnStartRunningUrl() {},
      OnStopRunningUrl(_, status) {
        if (status === 0) resolve();
        else reject(failure("update", status));
      },
    });
  });

const copied = (start) =>
  new Promise((resolve, reject) => {
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId: () => null,
      onStopCopy(status) {
        if (status === 0) resolve();
        else reject(failure("copy", status));
      },
    });
  });

/** Much of it has no other end to wait for than what it shows. */
const until = async (what, isSo) => {
  for (const end = Date.now() + 120_000; !isSo(); ) {
    if (Date.now() > end) throw new Error(`never came to be: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const folderAt = (name) =>
  name
    .split("/")
    .reduce((folder, part) => folder.getChildNamed(part), root)
    .QueryInterface(Ci.nsIMsgImapMailFolder);
const has = (parent, name) => parent.containsChildNamed(name);
const inFolder = (folder, subject) => [...folder.messages].find((header) => header.mime2DecodedSubject === subject);
const subjects = (folder) => [...folder.messages].map((header) => header.mime2DecodedSubject).sort();

const read = (folder, subject) =>
  new Promise((resolve, reject) => {
    const uri = folder.getUriForMsg(inFolder(folder, subject));
    let octets = "";
    const listener = {
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
      onStartRequest() {},
      onDataAvailable(_, stream, __, count) {
        const binary = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
        binary.setInputStream(stream);
        octets += binary.readBytes(count);
      },
      onStopRequest(_, status) {
        if (status !== 0) return reject(failure("read", status));
        resolve(new TextDecoder().decode(Uint8Array.from(octets, (octet) => octet.charCodeAt(0))));
      },
    };
    MailServices.messageServiceFromURI(uri).streamMessage(uri, listener, null, null, false, "", false);
  });

/** By the server: SEARCH. */
const search = (folder, attribute, text) =>
  new Promise((resolve, reject) => {
    const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
    session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder);
    const term = session.createTerm();
    term.attrib = attribute;
    term.op = Ci.nsMsgSearchOp.Contains;
    const value = term.value;
    value.attrib = attribute;
    value.str = text;
    term.value = value;
    term.booleanAnd = true;
    session.appendTerm(term);
    const hits = [];
    session.registerListener({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
      onNewSearch() {},
      onSearchHit: (header) => hits.push(header.mime2DecodedSubject),
      onSearchDone: (status) => (status === 0 ? resolve(hits.sort()) : reject(failure("search", status))),
    });
    session.search(null);
  });

const makeAccount = async (port, login, password, certificate) => {
  const database = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
  Cc["@mozilla.org/security/certoverride;1"]
    .getService(Ci.nsICertOverrideService)
    .rememberValidityOverride("127.0.0.1", port, {}, database.constructX509FromBase64(certificate), false);
  const made = MailServices.accounts.createIncomingServer(login, "127.0.0.1", "imap");
  made.port = port;
  made.socketType = Ci.nsMsgSocketType.SSL;
  made.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  const entry = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  entry.init("imap://127.0.0.1", null, "imap://127.0.0.1", login, password, "", "");
  await Services.logins.addLoginAsync(entry);
  made.password = password;
  const identity = MailServices.accounts.createIdentity();
  identity.email = login;
  const account = MailServices.accounts.createAccount();
  account.incomingServer = made;
  account.addIdentity(identity);
  MailServices.accounts.defaultAccount = account;
};
