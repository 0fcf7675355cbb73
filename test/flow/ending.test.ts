/** How the process ends when it is told to, and when it has to. The tests run side by side. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runBridgeCommand } from '../../src/sandbox/bridge-child.ts';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { killBridge, startBridgeProcess, terminateBridge } from '../support/bridge-process.ts';
import type { BridgeProcess } from '../support/bridge-process.ts';
import { Flow, withFlow } from '../support/flow-harness.ts';

const CUSTOMER = '+14255550182';
const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const BREAK_ON_SIGNAL = path.join(import.meta.dirname, 'break-on-signal.ts');
const LOG_TIMEOUT_MS = 30_000;
const LOG_POLL_MS = 10;

type LogLine = Readonly<Record<string, unknown>>;

function logOf(child: BridgeProcess['child']): LogLine[] {
  const lines = child.log().split('\n');
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
}

/** The log is a file of another process's: there is nothing to wait on but its growth. */
async function untilLogged(child: BridgeProcess['child'], event: string): Promise<LogLine> {
  const giveUpAtMs = performance.now() + LOG_TIMEOUT_MS;
  for (;;) {
    const line = logOf(child).find((line) => line['event'] === event);
    if (line) return line;
    if (performance.now() > giveUpAtMs) throw new Error(`no ${event} in the log:\n${child.logTail()}`);
    await delay(LOG_POLL_MS);
  }
}

function childOf(flow: Flow): BridgeProcess['child'] {
  return (flow.bridge as BridgeProcess).child;
}

const ANY_ERROR = { name: 'Error' };
const THREAD_DIED = {
  name: 'BridgeError',
  message: expect.stringContaining('The AWS clients’ thread has ended.'),
};

/** With both threads left, the outcome of what is under way is recorded. */
const DELIVERED = { delivered: 1, possibleDuplicate: 0 };
/** Nothing could be recorded: the next start finds it. */
const NONE = { delivered: 0, possibleDuplicate: 0 };
/** Connect may have it, and that is recorded. */
const DOUBTFUL = { delivered: 0, possibleDuplicate: 1 };

describe.concurrent('what nobody foresaw', () => {
  it.each([
    {
      name: 'the store’s thread dies',
      breakage: 'store',
      exit: 74,
      code: 'STORE_UNAVAILABLE',
      books: NONE,
      err: ANY_ERROR,
    },
    {
      name: 'the AWS clients’ thread dies',
      breakage: 'aws',
      exit: 70,
      code: 'INTERNAL',
      books: DOUBTFUL,
      err: THREAD_DIED,
    },
    {
      name: 'an error that nobody caught',
      breakage: 'throw',
      exit: 70,
      code: 'INTERNAL',
      books: DELIVERED,
      err: ANY_ERROR,
    },
    {
      name: 'a rejection that nobody caught',
      breakage: 'reject',
      exit: 70,
      code: 'INTERNAL',
      books: DELIVERED,
      err: ANY_ERROR,
    },
  ])('$name: logged, drained, and exit code $exit', async ({ breakage, exit, code, books, err }) => {
    const env = { NODE_OPTIONS: `--import ${BREAK_ON_SIGNAL}`, BREAK: breakage };
    const flow = await Flow.start({ startBridge: startBridgeProcess, env });
    try {
      const child = childOf(flow);
      flow.connect.queueFault({ kind: 'delay', ms: 300 });
      await flow.sms({ from: CUSTOMER, text: 'under way when it breaks' });
      await flow.connect.untilReceived(1);
      process.kill(child.pid ?? 0, 'SIGUSR2');
      expect(await child.exited).toEqual({ code: exit, signal: null });
      const log = logOf(child);
      const failed = log.filter(({ event }) => event === 'service.failed');
      expect(failed).toMatchObject([{ level: 'fatal', code, err }]);
      expect(log.at(-1)).toMatchObject({ event: 'service.stopped' });
      expect(child.log()).not.toContain('a customer’s words');
      flow.forgetBridge();
      const { delivered, possibleDuplicate } = await flow.books();
      expect({ delivered, possibleDuplicate }).toEqual(books);
      await flow.connect.until(1); // its 300 ms may outlast the process
      expect(flow.connect.transcript(CUSTOMER)).toEqual(['under way when it breaks']);
    } finally {
      await flow.close();
    }
  });
});

describe.concurrent('signals', () => {
  it('a second SIGTERM ends it at once', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      const child = childOf(flow);
      flow.connect.queueFault(FAULTS.hang);
      await flow.sms({ from: CUSTOMER, text: 'hangs at Connect' });
      await flow.connect.untilReceived(1);
      process.kill(child.pid ?? 0, 'SIGTERM');
      await untilLogged(child, 'service.draining');
      process.kill(child.pid ?? 0, 'SIGTERM');
      expect(await child.exited).toEqual({ code: 1, signal: null });
      expect(logOf(child).map(({ event }) => event)).not.toContain('service.stopped');
      flow.forgetBridge();
      await flow.startBridge();
      await flow.connect.until(1);
      await terminateBridge(flow);
    });
  });

  it('SIGTERM while it starts, and waits for another service’s file: it ends, and has done nothing', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      await flow.stopBridge();
      const file = path.join(flow.directory, 'bridge.db');
      const other = new DatabaseSync(`${file}.lock`);
      other.exec('BEGIN EXCLUSIVE');
      const child = spawn(process.execPath, ['--import', BREAK_ON_SIGNAL, MAIN, 'start'], {
        env: { ...flow.environment },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const output = text(child.stdout);
      await once(child.stdout, 'readable');
      child.kill('SIGTERM');
      expect(await once(child, 'exit')).toEqual([0, null]);
      other.close();
      expect(await output).toBe('{"event":"thread.started"}\n');
      await flow.startBridge();
    });
  });
});

describe.concurrent('a start that fails', () => {
  it.each([
    { name: 'a taken port', code: 'EADDRINUSE', host: '127.0.0.1' },
    // RFC 5737: documentation addresses, which no machine has.
    { name: 'an address of another machine', code: 'EADDRNOTAVAIL', host: '192.0.2.1' },
  ])(
    'names what is wrong with its listener, exits 71, and has sent nothing: $name',
    async ({ code, host }) => {
      const taken = http.createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
        flow.connect.queueFault(FAULTS.hang);
        await flow.sms({ from: CUSTOMER, text: 'waits for a start that succeeds' });
        await flow.connect.untilReceived(1);
        await killBridge(flow);
        const environment = { ...flow.environment, HOST: host, PORT: String(port) };
        await expect(runBridgeCommand(environment, ['start'])).rejects.toThrow(
          `ended with 71: bridge: ADDRESS_IN_USE: A listener’s address is taken or not to be had. ${host}:${port}: ${code}\n`,
        );
        expect(flow.connect.received).toBe(1);
        await flow.startBridge();
        await flow.connect.until(1);
        await terminateBridge(flow);
      });
      taken.close();
    },
  );
});

describe.concurrent('a command whose output nobody takes', () => {
  it.runIf(fs.existsSync('/dev/full'))('bridge status >/dev/full: one line, and exit code 74', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      const child = spawn('sh', ['-c', `exec "$0" "$1" status >/dev/full`, process.execPath, MAIN], {
        env: { ...flow.environment },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const [errors, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
      expect({ exitCode: exitCode as unknown, errors }).toEqual({
        exitCode: 74,
        errors: "bridge: standard output can't be written: ENOSPC\n",
      });
    });
  });

  it('a reader that goes away early is no error', async () => {
    await withFlow({ startBridge: startBridgeProcess }, async (flow) => {
      const child = spawn(process.execPath, [MAIN, 'status', '--json'], {
        env: { ...flow.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout.destroy();
      const [errors, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
      expect({ exitCode: exitCode as unknown, errors }).toEqual({ exitCode: 0, errors: '' });
    });
  });
});
