/** Where certificate files are read. Another one may ask a process that is allowed more. */
import { readFile, stat } from "node:fs/promises";

export interface CertificateReader {
  /** Differs when the file does; a link that now leads elsewhere counts. Never rejects: a fault is a state, too. */
  stamp(path: string): Promise<string>;
  /** Rejects with the file system's error. */
  read(path: string): Promise<Buffer>;
}

export const certificatesOnDisk: CertificateReader = {
  async stamp(path) {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      return `${ino}.${size}.${mtimeMs}.${ctimeMs}`;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    }
  },
  read: (path) => readFile(path),
};
