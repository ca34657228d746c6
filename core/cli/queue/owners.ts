/** Whose files are opened is a matter of the whole process: those of one owner are opened side by side, those of another one afterwards. */
import { becomeOwner } from "../become-owner.ts";

export class Owners {
  #present: { readonly key: string; users: number; readonly comeBack: () => void } | null = null;
  #waiting: (() => void)[] = [];

  /** Resolves with how to end it. */
  async become(owner: { readonly uid: number; readonly gid: number }): Promise<() => void> {
    const key = `${owner.uid}:${owner.gid}`;
    while (this.#present !== null && this.#present.key !== key)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#present ??= { key, users: 0, comeBack: becomeOwner(owner) };
    const present = this.#present;
    present.users += 1;
    return () => {
      present.users -= 1;
      if (present.users > 0) return;
      present.comeBack();
      this.#present = null;
      for (const go of this.#waiting.splice(0)) go();
    };
  }
}
