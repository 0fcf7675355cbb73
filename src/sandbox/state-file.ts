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

const FILE_NAME = /^sms-connect-bridge-sandbox-(\d+)-(\d+)\.json$/;

/** One for each sandbox. */
export function stateFilePath(pid: number): string {
  return path.join(os.tmpdir(), `sms-connect-bridge-sandbox-${os.userInfo().uid}-${pid}.json`);
}

/** By a temporary file and a rename: whatever lies under the name, a link too, is replaced and never written through. */
export function writeState(state: SandboxState): void {
  const temporary = `${stateFilePath(state.pid)}.new`;
  fs.rmSync(temporary, { force: true });
  fs.writeFileSync(temporary, JSON.stringify(state), { mode: 0o600, flag: 'wx' });
  fs.renameSync(temporary, stateFilePath(state.pid));
}

/** The sandbox that was started last, of those that run. */
export function readState(): SandboxState | undefined {
  const files = fs
    .readdirSync(os.tmpdir())
    .filter((name) => FILE_NAME.exec(name)?.[1] === `${os.userInfo().uid}`);
  return files
    .flatMap((name) => readStateFile(path.join(os.tmpdir(), name)) ?? [])
    .sort((a, b) => b.writtenAtMs - a.writtenAtMs)[0]?.state;
}

/** Undefined: somebody else's, none at all, or one that a sandbox left which is gone. */
function readStateFile(file: string): { state: SandboxState; writtenAtMs: number } | undefined {
  try {
    const { uid, mtimeMs } = fs.lstatSync(file);
    if (uid !== os.userInfo().uid) return undefined;
    const state = stateSchema.parse(JSON.parse(fs.readFileSync(file, 'utf8')));
    process.kill(state.pid, 0); // signal 0 only asks whether the process is there; it throws if not
    return { state, writtenAtMs: mtimeMs };
  } catch {
    return undefined;
  }
}

export function removeState(pid: number): void {
  fs.rmSync(stateFilePath(pid), { force: true });
}
