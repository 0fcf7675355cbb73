import { setTimeout as sleep } from 'node:timers/promises';
import { startApp } from '../../app.ts';
import { SECOND_MS } from '../../clock.ts';
import { loadConfig } from '../../config.ts';
import { createLogger } from '../../log.ts';
import type { CommandIo } from '../command-io.ts';

/** Container platforms send SIGKILL 10 s after SIGTERM, unless told otherwise. */
const DRAIN_MAX_MS = 9.5 * SECOND_MS;
const EXIT_KILLED = 1;

/** Runs the service until SIGTERM or SIGINT, then drains; a second signal ends it at once. */
export async function start(io: CommandIo): Promise<number> {
  const config = loadConfig(io.env);
  const logger = createLogger(config.logLevel);
  const stopped = nextSignal();
  const app = await startApp(config, { logger });
  logger.info(
    {
      publicUrl: app.publicUrl,
      adminUrl: app.adminUrl,
      node: process.version,
      topics: config.topicArns,
      routes: config.routes.length,
      store: config.store.path,
    },
    'service.started',
  );
  const signal = await stopped;
  void nextSignal().then(() => process.exit(EXIT_KILLED));
  logger.info({ signal }, 'service.draining');
  const isDrained = await Promise.race([
    app.drain().then(() => true),
    sleep(DRAIN_MAX_MS, false, { ref: false }),
  ]);
  logger.info({ isDrained }, 'service.stopped');
  // What hangs would keep the process alive; the next start finds it as a lost attempt.
  if (!isDrained) process.exit(0);
  return 0;
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
