/**
 * Thunderbird without a screen, driven by the remote control that is built into it (Marionette): scripts run where its own windows' scripts
 * do. Its profile is a directory of its own; no file of the system is touched. Ends with `stop`, or when it hangs.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

const program = "/usr/lib/thunderbird/thunderbird";

/** Nothing but mail: no first-run pages, no updates, no looking for the world outside. */
const preferences: Readonly<Record<string, string | number | boolean>> = {
  "marionette.port": 0,
  "app.update.auto": false,
  "datareporting.policy.bypassNotification": true,
  "datareporting.healthreport.uploadEnabled": false,
  "extensions.update.enabled": false,
  "services.settings.server": "data:,",
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "network.dns.disableIPv6": true,
  "network.proxy.type": 0,
  "mail.provider.suppress_dialog_on_startup": true,
  "mail.spotlight.firstRunDone": true,
  "mail.winsearch.firstRunDone": true,
  "mail.rights.version": 1,
  "mailnews.confirm.moveFoldersToTrash": false,
  "mailnews.start_page.enabled": false,
  "mailnews.database.global.indexer.enabled": false,
  "mail.biff.show_alert": false,
  "mail.biff.play_sound": false,
};

export class Thunderbird {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (reply: { fault: unknown; result: unknown }) => void>();
  #received = Buffer.alloc(0);
  #lastId = 0;

  private constructor(child: ChildProcess, exited: Promise<unknown>, socket: Socket) {
    this.#child = child;
    this.#exited = exited;
    this.#socket = socket;
    socket.on("data", (data) => this.#take(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#abandon("Thunderbird has hung up"));
  }

  /** `directory` is made, and becomes its home and profile. `more`: preferences. */
  static async start(directory: string, more: typeof preferences = {}, timeoutMs = 180_000): Promise<Thunderbird> {
    const profile = join(directory, "profile");
    await mkdir(profile, { recursive: true });
    const lines = Object.entries({ ...preferences, ...more }).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
    );
    await writeFile(join(profile, "user.js"), lines.join(""));
    const args = ["--headless", "--no-remote", "--profile", profile, "--marionette", "--remote-allow-system-access"];
    const child = spawn(program, args, {
      env: { ...process.env, HOME: directory, MOZ_CRASHREPORTER_DISABLE: "1", LC_ALL: "C.UTF-8" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = once(child, "exit");
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    try {
      const port = await portIn(child, exited);
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      const thunderbird = new Thunderbird(child, exited, socket);
      await thunderbird.#command("WebDriver:NewSession", { capabilities: {} });
      await thunderbird.#command("Marionette:SetContext", { value: "chrome" });
      await thunderbird.#command("WebDriver:SetTimeouts", { script: timeoutMs });
      return thunderbird;
    } catch (fault) {
      child.kill("SIGKILL");
      await exited;
      throw fault;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs the body of an `async` function with `args`; it answers JSON. Rejects with what the script throws. */
  async script(body: string, ...args: readonly unknown[]): Promise<unknown> {
    const script = `
      const done = arguments[arguments.length - 1];
      (async (...args) => {${body}})(...arguments).then(
        (value) => done({ value: value ?? null }),
        (fault) => done({ fault: String(fault) + "\\n" + fault?.stack }),
      );`;
    const given = { script, args, newSandbox: false, sandbox: "system" };
    const { value } = (await this.#command("WebDriver:ExecuteAsyncScript", given)) as {
      value: { value?: unknown; fault?: string };
    };
    if (value.fault !== undefined) throw new Error(`in Thunderbird: ${value.fault}`);
    return value.value;
  }

  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 60_000);
    await this.#command("Marionette:Quit", { flags: ["eForceQuit"] }).catch(() => this.#child.kill("SIGKILL"));
    this.#socket.destroy();
    await this.#exited;
    clearTimeout(timer);
  }

  /** Requests are `length:[0, id, name, parameters]`, replies `length:[1, id, fault, result]`. */
  async #command(name: string, parameters: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    const text = JSON.stringify([0, id, name, parameters]);
    const replied = new Promise<{ fault: unknown; result: unknown }>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    const { fault, result } = await replied;
    if (fault) throw new Error(`${name}: ${JSON.stringify(fault)}`);
    return result;
  }

  #take(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    for (;;) {
      const colon = this.#received.indexOf(":");
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#received.subarray(0, colon).toString());
      if (this.#received.length < end) return;
      const message: unknown = JSON.parse(this.#received.subarray(colon + 1, end).toString());
      this.#received = this.#received.subarray(end);
      if (!Array.isArray(message)) continue; // the greeting
      const [, id, fault, result] = message as [number, number, unknown, unknown];
      this.#waiting.get(id)?.({ fault, result });
      this.#waiting.delete(id);
    }
  }

  #abandon(fault: string): void {
    for (const resolve of this.#waiting.values()) resolve({ fault, result: null });
    this.#waiting.clear();
  }
}

/** Says on its standard output where it listens. */
function portIn(child: ChildProcess, exited: Promise<unknown>): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (more: string) => {
        text += more;
        const port = /Listening on port (\d+)/.exec(text)?.[1];
        if (port) resolve(Number(port));
      });
    }
    void exited.then(() => reject(new Error(`Thunderbird ended: ${text}`)));
  });
}
