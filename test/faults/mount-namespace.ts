import { spawn, spawnSync } from 'node:child_process';

const MARK = 'FAULTS_IN_MOUNT_NAMESPACE';
/** Root makes one as it is; others by the way of a user namespace, where systems allow that. */
const UNSHARE = [
  ['unshare', '--mount'],
  ['unshare', '--user', '--map-root-user', '--mount'],
] as const;

/** What this process mounts is gone with its last process, however that ends. */
export function isInMountNamespace(): boolean {
  return process.env[MARK] !== undefined;
}

/** Runs this program again in a mount namespace of its own; undefined where there is none to be had. Resolves to its exit code. */
export async function runInMountNamespace(): Promise<number | undefined> {
  const unshare = UNSHARE.find(([command, ...flags]) => spawnSync(command, [...flags, 'true']).status === 0);
  if (!unshare) return undefined;
  const [command, ...flags] = unshare;
  const child = spawn(command, [...flags, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('exit', (code) => resolve(code ?? 1));
  });
}
