/** Where directories that can be edited register their editors: for `postern account`, and for a first account. */
import type { AccountAdmin, AccountAdmins } from "../contracts/account-admin.ts";

export function createAccountAdmins(): AccountAdmins {
  const all: AccountAdmin[] = [];
  return {
    register: (admin) => {
      all.push(admin);
    },
    all,
  };
}
