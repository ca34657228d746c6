/** Every command by its name on the wire. */
import { append } from "./append.ts";
import { authenticate } from "./authenticate.ts";
import { cancelUpdate } from "./cancelupdate.ts";
import { capability } from "./capability.ts";
import { check } from "./check.ts";
import { close } from "./close.ts";
import type { AnyCommand } from "./command.ts";
import { compress } from "./compress.ts";
import { copy, uidCopy } from "./copy.ts";
import { create } from "./create.ts";
import { remove } from "./delete.ts";
import { deleteAcl } from "./deleteacl.ts";
import { enable } from "./enable.ts";
import { examine } from "./examine.ts";
import { expunge, uidExpunge } from "./expunge.ts";
import { fetch, uidFetch } from "./fetch.ts";
import { getAcl } from "./getacl.ts";
import { getMetadata } from "./getmetadata.ts";
import { getQuota } from "./getquota.ts";
import { getQuotaRoot } from "./getquotaroot.ts";
import { id } from "./id.ts";
import { idle } from "./idle.ts";
import { list } from "./list.ts";
import { listRights } from "./listrights.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { lsub } from "./lsub.ts";
import { move, uidMove } from "./move.ts";
import { myRights } from "./myrights.ts";
import { namespace } from "./namespace.ts";
import { noop } from "./noop.ts";
import { notify } from "./notify.ts";
import { rename } from "./rename.ts";
import { replace, uidReplace } from "./replace.ts";
import { search, uidSearch } from "./search.ts";
import { select } from "./select.ts";
import { setAcl } from "./setacl.ts";
import { setMetadata } from "./setmetadata.ts";
import { setQuota } from "./setquota.ts";
import { sort, uidSort } from "./sort.ts";
import { startTls } from "./starttls.ts";
import { status } from "./status.ts";
import { store, uidStore } from "./store.ts";
import { subscribe } from "./subscribe.ts";
import { thread, uidThread } from "./thread.ts";
import { unselect } from "./unselect.ts";
import { unsubscribe } from "./unsubscribe.ts";

export const commands: ReadonlyMap<string, AnyCommand> = new Map([
  ["APPEND", append],
  ["AUTHENTICATE", authenticate],
  ["CANCELUPDATE", cancelUpdate],
  ["CAPABILITY", capability],
  ["CHECK", check],
  ["CLOSE", close],
  ["COMPRESS", compress],
  ["COPY", copy],
  ["CREATE", create],
  ["DELETE", remove],
  ["DELETEACL", deleteAcl],
  ["ENABLE", enable],
  ["EXAMINE", examine],
  ["EXPUNGE", expunge],
  ["FETCH", fetch],
  ["GETACL", getAcl],
  ["GETMETADATA", getMetadata],
  ["GETQUOTA", getQuota],
  ["GETQUOTAROOT", getQuotaRoot],
  ["ID", id],
  ["IDLE", idle],
  ["LIST", list],
  ["LISTRIGHTS", listRights],
  ["LOGIN", login],
  ["LOGOUT", logout],
  ["LSUB", lsub],
  ["MOVE", move],
  ["MYRIGHTS", myRights],
  ["NAMESPACE", namespace],
  ["NOOP", noop],
  ["NOTIFY", notify],
  ["RENAME", rename],
  ["REPLACE", replace],
  ["SEARCH", search],
  ["SELECT", select],
  ["SETACL", setAcl],
  ["SETMETADATA", setMetadata],
  ["SETQUOTA", setQuota],
  ["SORT", sort],
  ["STARTTLS", startTls],
  ["STATUS", status],
  ["STORE", store],
  ["SUBSCRIBE", subscribe],
  ["THREAD", thread],
  ["UID COPY", uidCopy],
  ["UID EXPUNGE", uidExpunge],
  ["UID FETCH", uidFetch],
  ["UID MOVE", uidMove],
  ["UID REPLACE", uidReplace],
  ["UID SEARCH", uidSearch],
  ["UID SORT", uidSort],
  ["UID STORE", uidStore],
  ["UID THREAD", uidThread],
  ["UNSELECT", unselect],
  ["UNSUBSCRIBE", unsubscribe],
]);
