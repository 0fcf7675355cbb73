/**
 * Preloaded into the sandbox's bridge (`node --import`): its standard input is a pipe from the sandbox, which ends when
 * the sandbox is gone, by `kill -9` too. Then the bridge drains, and no orphan stays behind.
 */
import type { Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';

// Worker threads preload it too, and their standard input is empty from the start.
if (isMainThread) watchParent(process.stdin);

function watchParent(parent: typeof process.stdin & Partial<Pick<Socket, 'unref'>>): void {
  parent.once('end', () => process.kill(process.pid, 'SIGTERM'));
  parent.resume();
  // It must not keep a bridge alive that has drained.
  parent.unref?.();
}
