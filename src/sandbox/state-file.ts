/**
 * How `bridge sandbox send`, in another terminal, finds the sandbox that runs: a small file in the system's folder for
 * temporary files, readable by its owner alone, since the control token in it lets its reader send messages.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';

const stateSchema = z.strictObject({
  pid: z.int().positive(),
  controlUrl: z.url({ protocol: /^http$/, hostname: /^127\.0\.0\.1$/ }),
  token: z.string().min(32),
});

export type SandboxState = z.infer<typeof stateSchema>;

/** One for each user of the machine. A sandbox that starts later takes it over. */
export function stateFilePath(): string {
  return path.join(os.tmpdir(), `sms-connect-bridge-sandbox-${os.userInfo().uid}.json`);
}

/** By a temporary file and a rename: whatever lies under the name, a link too, is replaced and never written through. */
export function writeState(state: SandboxState): void {
  const temporary = `${stateFilePath()}.${process.pid}`;
  fs.rmSync(temporary, { force: true });
  fs.writeFileSync(temporary, JSON.stringify(state), { mode: 0o600, flag: 'wx' });
  fs.renameSync(temporary, stateFilePath());
}

/** Undefined where no sandbox runs: no file, somebody else's, or one that a sandbox left which is gone. */
export function readState(): SandboxState | undefined {
  try {
    if (fs.lstatSync(stateFilePath()).uid !== os.userInfo().uid) return undefined;
    const state = stateSchema.parse(JSON.parse(fs.readFileSync(stateFilePath(), 'utf8')));
    process.kill(state.pid, 0); // signal 0 only asks whether the process is there; it throws if not
    return state;
  } catch {
    return undefined;
  }
}

/** Only its own: a sandbox that started later keeps the file. */
export function removeState(pid: number): void {
  if (readState()?.pid === pid) fs.rmSync(stateFilePath(), { force: true });
}
