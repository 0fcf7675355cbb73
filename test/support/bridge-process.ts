/** The bridge as a process of its own, for what only a process can show: `kill -9`, signals, exit codes. */
import path from 'node:path';
import type { Environment } from '../../src/config.ts';
import { BridgeChild } from '../../src/sandbox/bridge-child.ts';
import type { Exit } from '../../src/sandbox/bridge-child.ts';
import { findFreePort } from '../../src/sandbox/local-server.ts';
import type { Flow, RunningBridge } from './flow-harness.ts';

export interface BridgeProcess extends RunningBridge {
  readonly child: BridgeChild;
}

let started = 0;

/** For `withFlow({ startBridge: startBridgeProcess }, …)`. */
export async function startBridgeProcess(
  environment: Environment,
  directory: string,
): Promise<BridgeProcess> {
  started += 1;
  // Ports of its own at each start: SNS's connections to the one before can't reach it.
  const ports = { PORT: String(await findFreePort()), ADMIN_PORT: String(await findFreePort()) };
  const child = await BridgeChild.start(
    { ...environment, ...ports },
    path.join(directory, `bridge-${started}.log`),
  );
  return {
    child,
    publicUrl: child.publicUrl,
    adminUrl: child.adminUrl,
    stop: async () => void (await child.stop()),
    logLines: () => child.log().trimEnd().split('\n'),
  };
}

/** `kill -9`, and the wait until it is gone. */
export async function killBridge(flow: Flow): Promise<void> {
  const { child } = flow.bridge as BridgeProcess;
  child.kill();
  await child.exited;
  flow.forgetBridge();
}

/** It does nothing while `work` runs, so that only another replica can. */
export async function whileFrozen(bridge: RunningBridge, work: () => Promise<void>): Promise<void> {
  const { pid } = (bridge as BridgeProcess).child;
  if (pid === undefined) throw new Error('The replica is not running.');
  process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

/** SIGTERM; resolves to how it ended. */
export async function terminateBridge(flow: Flow): Promise<Exit> {
  const exit = await (flow.bridge as BridgeProcess).child.stop();
  flow.forgetBridge();
  return exit;
}
