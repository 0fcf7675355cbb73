import https from 'node:https';
import net from 'node:net';
import { startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import type { Environment } from '../../src/config.ts';
import { createLogger } from '../../src/log.ts';
import type { RunningBridge } from './flow-harness.ts';
import type { LogMemory } from './log-memory.ts';

/** The AWS clients read their endpoints and credentials from the environment of the process that they are in. */
export async function startBridgeInProcess(
  environment: Environment,
  _directory: string,
  log: LogMemory,
): Promise<RunningBridge> {
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith('AWS_')) process.env[name] = value;
  }
  refuseHttps();
  const config = loadConfig({ ...environment, PORT: '0', ADMIN_PORT: '0' });
  // With 0 for every jitter, a retry comes at once and throttling waits its least.
  const app = await startApp(config, { logger: createLogger('trace', log), random: () => 0 });
  return {
    publicUrl: app.publicUrl,
    adminUrl: app.adminUrl,
    stop: () => app.drain(),
    logLines: () => log.lines.splice(0),
  };
}

/** No test fetches a certificate: whatever asks for one over HTTPS finds nobody there. */
function refuseHttps(): void {
  https.globalAgent.createConnection = () => {
    const socket = new net.Socket();
    process.nextTick(() => socket.destroy(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })));
    return socket;
  };
}
