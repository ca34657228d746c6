/** A command that root types writes as the server's user: what it makes can be read and removed by the server. */

/** Answers how to be root again. Nothing changes for anybody else. */
export function becomeOwner({ uid, gid }: { readonly uid: number; readonly gid: number }): () => void {
  if (process.geteuid?.() !== 0 || uid === 0) return () => {};
  const groups = process.getgroups?.() ?? [];
  const ownGid = process.getegid?.() ?? 0;
  process.setgroups?.([gid]);
  process.setegid?.(gid);
  process.seteuid?.(uid);
  return () => {
    process.seteuid?.(0);
    process.setegid?.(ownGid);
    process.setgroups?.(groups);
  };
}
