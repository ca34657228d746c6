/** One chain a hook, of the hook's kind. */
import type { ClaimHooks, HookName, NoticeHooks, PolicyHooks, TransformHooks } from "../contracts/hooks.ts";
import type { Intake } from "../contracts/submit.ts";
import { ClaimChain } from "./claim-chain.ts";
import { NoticeChain } from "./notice-chain.ts";
import { PolicyChain } from "./policy-chain.ts";
import { ShareChain } from "./share-chain.ts";
import type { Tap } from "./tap.ts";
import { TransformChain } from "./transform-chain.ts";

export class Chains {
  readonly policy: { readonly [H in keyof PolicyHooks]: PolicyChain } = {
    connect: new PolicyChain("connect"),
    helo: new PolicyChain("helo"),
    tls: new PolicyChain("tls"),
    authAttempt: new PolicyChain("authAttempt"),
    mailFrom: new PolicyChain("mailFrom"),
    rcptTo: new PolicyChain("rcptTo"),
    data: new PolicyChain("data"),
    message: new PolicyChain("message"),
    messageFor: new PolicyChain("messageFor"),
  };
  readonly claim: { readonly [H in keyof ClaimHooks]: ClaimChain } = {
    credentials: new ClaimChain("credentials"),
    auth: new ClaimChain("auth"),
    findAccount: new ClaimChain("findAccount"),
    findDomain: new ClaimChain("findDomain"),
    destination: new ClaimChain("destination"),
    expand: new ClaimChain("expand"),
    queue: new ClaimChain("queue"),
    route: new ClaimChain("route"),
    fileInto: new ClaimChain("fileInto"),
  };
  readonly transform: { readonly [H in keyof TransformHooks]: TransformChain };
  readonly share = new ShareChain();
  readonly notice: { readonly [H in keyof NoticeHooks]: NoticeChain } = {
    login: new NoticeChain("login"),
    authFailed: new NoticeChain("authFailed"),
    transactionEnd: new NoticeChain("transactionEnd"),
    disconnect: new NoticeChain("disconnect"),
    queued: new NoticeChain("queued"),
    settled: new NoticeChain("settled"),
    bounced: new NoticeChain("bounced"),
  };
  readonly #taps: Tap[] = [];
  readonly #heard = new Set<HookName>();

  /** `receive` takes the new bodies that transforms answer with. */
  constructor(receive: () => Intake) {
    this.transform = {
      prepare: new TransformChain("prepare", receive),
      sign: new TransformChain("sign", receive),
    };
  }

  /** In the operator's order. */
  get taps(): readonly Tap[] {
    return this.#taps;
  }

  hears(hook: HookName): boolean {
    return this.#heard.has(hook);
  }

  add(tap: Tap): void {
    this.#taps.push(tap);
    this.#heard.add(tap.hook);
    const all = { ...this.policy, ...this.claim, ...this.transform, ...this.notice, deliver: this.share };
    all[tap.hook].add(tap);
  }

  /** Resolves when all pending notices have ended. */
  async settled(): Promise<void> {
    await Promise.all(Object.values(this.notice).map((chain) => chain.settled()));
  }
}
