/** A certificate authority of a test, by openssl: certificates for servers and clients below one directory. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly keyType?: "ec" | "rsa" | "ed25519";
  /** Of the signature, where the key leaves a choice. */
  readonly hash?: "sha1" | "sha256" | "sha384" | "sha512";
  readonly pss?: boolean;
  readonly days?: number;
}

const keyOptions = {
  ec: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["-newkey", "rsa:2048"],
  ed25519: ["-newkey", "ed25519"],
} as const;

export class Authority {
  readonly ca: string;
  readonly #directory: string;
  readonly #key: string;
  #count = 0;

  private constructor(directory: string, name: string) {
    this.#directory = directory;
    this.ca = join(directory, `${name}.pem`);
    this.#key = join(directory, `${name}.key`);
  }

  static async open(directory: string, name = "ca", keyType: "ec" | "rsa" = "ec"): Promise<Authority> {
    const authority = new Authority(directory, name);
    const subject = ["-subj", `/CN=${name}`, "-addext", "basicConstraints=critical,CA:TRUE", "-days", "30"];
    const files = ["-nodes", "-keyout", authority.#key, "-out", authority.ca];
    await run("openssl", ["req", "-x509", ...keyOptions[keyType], ...subject, ...files]);
    return authority;
  }

  /** Each in files of its own. */
  async issue({ commonName, dnsNames = [], keyType = "ec", hash = "sha256", pss, days = 30 }: Wish): Promise<Issued> {
    this.#count += 1;
    const name = join(this.#directory, `issued-${this.#count}`);
    const issued = { cert: `${name}.pem`, key: `${name}.key` };
    await run("openssl", [
      ...["req", "-x509", "-CA", this.ca, "-CAkey", this.#key, ...keyOptions[keyType], `-${hash}`, "-nodes"],
      ...(pss ? ["-sigopt", "rsa_padding_mode:pss"] : []),
      ...["-subj", `/O=Example/CN=${commonName ?? dnsNames[0] ?? "nobody"}`, "-days", String(days)],
      ...["-addext", "basicConstraints=critical,CA:FALSE"],
      ...(dnsNames.length > 0
        ? ["-addext", `subjectAltName=${dnsNames.map((dnsName) => `DNS:${dnsName}`).join(",")}`]
        : []),
      ...["-keyout", issued.key, "-out", issued.cert],
    ]);
    return issued;
  }
}
