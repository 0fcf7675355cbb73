import { setTimeout as sleep } from 'node:timers/promises';
import { startApp } from '../../app.ts';
import { SECOND_MS } from '../../clock.ts';
import { loadConfig } from '../../config.ts';
import { errorEntry } from '../../errors.ts';
import { createLogger } from '../../log.ts';
import { describeStore } from '../../queue/open-store.ts';
import type { CommandIo } from '../command-io.ts';

/**
 * Container platforms send SIGKILL 10 s after SIGTERM, unless told otherwise. The longest send takes 8 s, and the store's
 * thread may be in a wait of 1.5 s that nothing cuts short.
 */
const DRAIN_MAX_MS = 8.4 * SECOND_MS;
const EXIT_KILLED = 1;

/**
 * Runs the service until SIGTERM or SIGINT, then drains; a second signal ends it at once. It also drains, and ends
 * non-zero for a supervisor to start it anew, when it can't go on: a thread that died, an error that nobody caught.
 */
export async function start(io: CommandIo): Promise<number> {
  const config = loadConfig(io.env);
  const logger = createLogger(config.logLevel);
  const signalled = nextSignal();
  const crashed = nextUncaughtError();
  const app = await Promise.race([startApp(config, { logger }), signalled.then(() => undefined)]);
  // Nothing has been taken in yet.
  if (!app) process.exit(0);
  logger.info(
    {
      publicUrl: app.publicUrl,
      adminUrl: app.adminUrl,
      node: process.version,
      topics: config.topicArns,
      routes: config.routes.length,
      store: describeStore(config.store),
    },
    'service.started',
  );
  const end = await Promise.race([
    signalled.then((signal) => ({ signal })),
    crashed.then((error) => ({ error, code: 'INTERNAL' as const })),
    app.failed,
  ]);
  void nextSignal().then(() => process.exit(EXIT_KILLED));
  if ('signal' in end) logger.info({ signal: end.signal }, 'service.draining');
  else logger.fatal({ err: end.error, code: end.code }, 'service.failed');
  const exitCode = 'signal' in end ? 0 : (errorEntry(end.code).exit ?? EXIT_KILLED);
  const isDrained = await Promise.race([
    app.drain().then(
      () => true,
      () => false,
    ),
    sleep(DRAIN_MAX_MS, false, { ref: false }),
  ]);
  logger.info({ isDrained }, 'service.stopped');
  // What hangs would keep the process alive; the next start finds it as a lost attempt.
  if (!isDrained) process.exit(exitCode);
  return exitCode;
}

/** The first one ends the service in order; what is thrown while it ends changes nothing any more. */
function nextUncaughtError(): Promise<unknown> {
  return new Promise((resolve) => {
    process.on('uncaughtException', resolve);
    process.on('unhandledRejection', resolve);
  });
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}
