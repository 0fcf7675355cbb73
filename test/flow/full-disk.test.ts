/**
 * A disk that is really full: a small file system in memory, which only root may mount, and only on Linux. Elsewhere these
 * tests are skipped.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAULTS } from '../../src/sandbox/connect-faults.ts';
import { SMS_NUMBER_ARN } from '../../src/sandbox/end-user-messaging.ts';
import { openSqliteStore, whileLocked } from '../queue/sqlite-file.ts';
import { StoreScene } from '../queue/suite/store-scene.ts';
import { killBridge, startBridgeProcess, terminateBridge } from '../support/bridge-process.ts';
import { withFlow } from '../support/flow-harness.ts';
import type { Flow, FlowOptions } from '../support/flow-harness.ts';
import { runCommand } from '../admin/run-command.ts';

const CUSTOMERS = ['+14255550182', '+14255550143', '+14255550166'] as const;
const TEXTS = ['the first message', 'the second message', 'the third message'] as const;
const BLOCK_BYTES = 4_096;
const DISK_BYTES = 8 * 1024 * 1024;

class Disk {
  readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-disk-'));
  readonly #ballast = path.join(this.folder, 'ballast');

  static isPossible(): boolean {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
    try {
      new Disk()[Symbol.dispose]();
      return true;
    } catch {
      return false;
    }
  }

  constructor() {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', this.folder], {
      stdio: 'ignore',
    });
  }

  get freeBytes(): number {
    const { bavail, bsize } = fs.statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Until no more than this is left. */
  fillUpTo(leftBytes: number): void {
    const fd = fs.openSync(this.#ballast, 'a');
    const block = Buffer.alloc(BLOCK_BYTES, 1);
    while (this.freeBytes > leftBytes) fs.writeSync(fd, block);
    fs.closeSync(fd);
  }

  makeRoom(): void {
    fs.rmSync(this.#ballast);
  }

  remount(mode: 'ro' | 'rw'): void {
    execFileSync('mount', ['-o', `remount,${mode}`, this.folder], { stdio: 'ignore' });
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.folder]);
    fs.rmdirSync(this.folder);
  }
}

const isPossible = Disk.isPossible();

/** Less than the reserve that is kept for delivering, on a disk of this size. */
const INTO_THE_RESERVE_BYTES = DISK_BYTES / 8;

async function withFlowOnDisk(
  body: (flow: Flow, disk: Disk) => Promise<void>,
  options: FlowOptions = {},
): Promise<void> {
  using disk = new Disk();
  const env = { STORE_URL: `sqlite:${disk.folder}/bridge.db` };
  await withFlow({ env, ...options }, (flow) => {
    // Where the harness looks for it.
    fs.symlinkSync(path.join(disk.folder, 'bridge.db'), path.join(flow.directory, 'bridge.db'));
    return body(flow, disk);
  });
}

async function expectRefused(flow: Flow, reason: RegExp): Promise<void> {
  const refused = await flow.sms({ from: CUSTOMERS[0], text: 'one too many' });
  expect(refused.attempts).toMatchObject([
    { status: 503, headers: { 'retry-after': expect.any(String) as string } },
  ]);
  const { status, body } = await flow.readiness();
  expect({ status, body }).toMatchObject({
    status: 503,
    body: { ready: false, reasons: [expect.stringMatching(reason) as string] },
  });
}

describe.runIf(isPossible)('a full disk', () => {
  it('keeps its reserve, however much waits for one commit', async () => {
    using disk = new Disk();
    const file = path.join(disk.folder, 'bridge.db');
    const scene = new StoreScene(await openSqliteStore(file, { isThreaded: true }));
    disk.fillUpTo(DISK_BYTES / 2);
    const text = 'x'.repeat(200_000);
    const [accepting] = await whileLocked(file, () => [
      Promise.allSettled(Array.from({ length: 20 }, () => scene.accept({ text }))),
    ]);
    const refused = (await accepting).flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(refused.length).toBeGreaterThan(5);
    expect(refused[0]).toMatchObject({ detail: expect.stringContaining('reserve') as string });
    expect(disk.freeBytes).toBeGreaterThan(DISK_BYTES / 8);
    await scene.store.close();
  });

  it('takes nothing more while a reserve is left, from which everything that was taken is delivered', async () => {
    await withFlowOnDisk(async (flow, disk) => {
      expect(flow.log.events('store.endangered')).toMatchObject([{ level: 'warn', fileSystem: 'tmpfs' }]);
      flow.connect.deniedDestinations.add(SMS_NUMBER_ARN);
      for (const text of TEXTS) {
        for (const from of CUSTOMERS) expect((await flow.sms({ from, text })).status).toBe(200);
      }
      await flow.log.until('destination.paused');
      disk.fillUpTo(INTO_THE_RESERVE_BYTES);
      await expectRefused(flow, /the disk of \S+bridge\.db is full but for a reserve$/);
      flow.connect.deniedDestinations.clear();
      await flow.log.until('message.delivered', TEXTS.length * CUSTOMERS.length);
      for (const from of CUSTOMERS) expect(flow.connect.transcript(from)).toEqual(TEXTS);
      await expectRefused(flow, /reserve/);
      disk.makeRoom();
      expect((await flow.sms({ from: CUSTOMERS[0], text: 'taken again' })).status).toBe(200);
      expect((await flow.readiness()).status).toBe(200);
      await flow.connect.untilMessage(({ content }) => content === 'taken again');
    });
  });

  it('starts in the reserve, and delivers from there', async () => {
    await withFlowOnDisk(async (flow, disk) => {
      flow.connect.deniedDestinations.add(SMS_NUMBER_ARN);
      for (const text of TEXTS) await flow.sms({ from: CUSTOMERS[0], text });
      await flow.log.until('destination.paused');
      await flow.stopBridge();
      disk.fillUpTo(INTO_THE_RESERVE_BYTES);
      await flow.startBridge();
      await expectRefused(flow, /reserve/);
      flow.connect.deniedDestinations.clear();
      await flow.log.until('message.delivered', TEXTS.length);
      expect(flow.connect.transcript(CUSTOMERS[0])).toEqual(TEXTS);
    });
  });

  it('full to the last byte: says so, `bridge status` still looks, and it goes on once there is room', async () => {
    await withFlowOnDisk(async (flow, disk) => {
      flow.connect.deniedDestinations.add(SMS_NUMBER_ARN);
      await flow.sms({ from: CUSTOMERS[0], text: TEXTS[0] });
      await flow.log.until('destination.paused');
      disk.fillUpTo(0);
      await expectRefused(flow, /the disk of \S+bridge\.db is full/);
      const { exitCode, stdout } = await runCommand(['status'], { env: toEnv(flow) });
      expect({ exitCode, stdout }).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('pending 1') as string,
      });
      disk.makeRoom();
      flow.connect.deniedDestinations.clear();
      await flow.connect.until(1);
      await flow.log.until('message.delivered');
    });
  });

  it('full to the last byte after a crash: a start does without voiding leases, and waits for room', async () => {
    await withFlowOnDisk(
      async (flow, disk) => {
        flow.connect.queueFault(FAULTS.hang);
        await flow.sms({ from: CUSTOMERS[0], text: TEXTS[0] });
        await flow.connect.untilReceived(1);
        await killBridge(flow);
        disk.fillUpTo(0);
        await flow.startBridge();
        await expectRefused(flow, /the disk of \S+bridge\.db is full/);
        disk.makeRoom();
        expect((await flow.readiness()).status).toBe(200);
        await terminateBridge(flow);
        await flow.startBridge();
        await flow.connect.until(1);
        await terminateBridge(flow);
        expect(await flow.books()).toMatchObject({ delivered: 1, possibleDuplicate: 1 });
      },
      { startBridge: startBridgeProcess },
    );
  });

  it('full to the last byte: start and status say so, and a start does its work once there is room', async () => {
    await withFlowOnDisk(async (flow, disk) => {
      await flow.stopBridge();
      disk.fillUpTo(0);
      const reason = { code: 'STORE_UNAVAILABLE', message: /the disk of \S+bridge\.db is full$/ };
      await expect(flow.startBridge()).rejects.toMatchObject(reason);
      const { exitCode, stderr } = await runCommand(['status'], { env: toEnv(flow) });
      expect({ exitCode, stderr }).toMatchObject({
        exitCode: 74,
        stderr: expect.stringMatching(/is full\n$/) as string,
      });
      disk.makeRoom();
      await flow.startBridge();
      await flow.sms({ from: CUSTOMERS[0], text: TEXTS[0] });
      await flow.connect.until(1);
    });
  });
});

describe.runIf(isPossible)('a disk that is read-only', () => {
  it('a start says so, and does its work once it is not', async () => {
    await withFlowOnDisk(async (flow, disk) => {
      await flow.stopBridge();
      disk.remount('ro');
      await expect(flow.startBridge()).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: /EROFS: read-only file system, open '\S+bridge\.db'$/,
      });
      disk.remount('rw');
      await flow.startBridge();
    });
  });
});

function toEnv(flow: Flow): Record<string, string> {
  return { STORE_URL: flow.environment['STORE_URL'] ?? '' };
}
