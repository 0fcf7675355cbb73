/** The store's file under a running service: gone, replaced, damaged. */
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { withFlow } from '../support/flow-harness.ts';
import type { Flow } from '../support/flow-harness.ts';

const CUSTOMER = '+14255550182';
const WHEN_BACK = 'taken once the file is back';

const PAGE_BYTES = 4_096;

interface Loss {
  readonly name: string;
  readonly reason: RegExp;
  readonly lose: (file: string) => void;
  readonly mend: (file: string) => void;
}

/** Another process's commit makes the service read anew what it has in its cache. */
function commitAsStranger(file: string): void {
  const stranger = new DatabaseSync(file, { timeout: 5_000 });
  stranger.exec('INSERT OR REPLACE INTO pings (id, at) VALUES (2, 0); PRAGMA wal_checkpoint(TRUNCATE)');
  stranger.close();
}

function overwrite(file: string, bytes: Buffer, from: number): void {
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, bytes, 0, undefined, from);
  fs.closeSync(fd);
}

const LOSSES: readonly Loss[] = [
  {
    name: 'deleted (moved away)',
    reason: /bridge\.db has been deleted or replaced: see docs\/operations.md before you restart$/,
    lose: (file) => fs.renameSync(file, `${file}.away`),
    mend: (file) => fs.renameSync(`${file}.away`, file),
  },
  {
    name: 'replaced by a copy',
    reason: /bridge\.db has been deleted or replaced: see docs\/operations.md before you restart$/,
    lose: (file) => {
      fs.renameSync(file, `${file}.away`);
      fs.copyFileSync(`${file}.away`, file);
    },
    mend: (file) => fs.renameSync(`${file}.away`, file),
  },
  {
    name: 'damaged',
    reason: /malformed$/,
    lose: (file) => {
      commitAsStranger(file);
      fs.copyFileSync(file, `${file}.away`);
      overwrite(file, Buffer.alloc(fs.statSync(file).size - PAGE_BYTES, 0x5a), PAGE_BYTES);
    },
    mend: (file) => {
      overwrite(file, fs.readFileSync(`${file}.away`), 0);
      commitAsStranger(file);
    },
  },
];

describe('the store’s file, lost under the service', () => {
  it.each(LOSSES)(
    '$name: 503, /readyz red and why; goes on once it is back',
    async ({ reason, lose, mend }) => {
      await withFlow({ env: { ORDER_HOLD_MS: '0' } }, async (flow) => {
        const file = path.join(flow.directory, 'bridge.db');
        await flow.sms({ from: CUSTOMER, text: 'taken before' });
        await flow.connect.until(1);
        await flow.log.until('message.delivered');
        lose(file);
        const sample = { from: CUSTOMER, text: WHEN_BACK, inboundMessageId: crypto.randomUUID() };
        const refused = await flow.sms(sample);
        expect(refused.attempts).toMatchObject([
          { status: 503, headers: { 'retry-after': expect.any(String) as string } },
        ]);
        await expectRed(flow, reason);
        const [deferred] = await flow.log.until('notification.deferred');
        expect(deferred).toMatchObject({
          level: 'error',
          code: 'STORE_UNAVAILABLE',
          detail: expect.stringMatching(reason) as string,
        });
        expect(await flow.metrics()).toContain('bridge_alerts_total{code="STORE_UNAVAILABLE"} 1\n');
        mend(file);
        expect((await flow.sms(sample)).status).toBe(200);
        await flow.connect.until(2);
        expect(flow.connect.transcript(CUSTOMER)).toEqual(['taken before', WHEN_BACK]);
        expect((await flow.readiness()).status).toBe(200);
      });
    },
  );

  it('what Connect took meanwhile is not sent again', async () => {
    await withFlow({}, async (flow) => {
      const file = path.join(flow.directory, 'bridge.db');
      flow.connect.queueFault({ kind: 'delay', ms: 300 });
      await flow.sms({ from: CUSTOMER, text: 'under way' });
      await flow.connect.untilReceived(1);
      fs.renameSync(file, `${file}.away`);
      await flow.connect.until(1);
      const [failed] = await flow.log.until('store.failed');
      expect(failed).toMatchObject({ level: 'error' });
      fs.renameSync(`${file}.away`, file);
      await flow.log.until('message.delivered');
      expect(flow.connect.transcript(CUSTOMER)).toEqual(['under way']);
      expect(await flow.books()).toMatchObject({ delivered: 1, possibleDuplicate: 0 });
    });
  });
});

async function expectRed(flow: Flow, reason: RegExp): Promise<void> {
  const { status, body } = await flow.readiness();
  expect(status).toBe(503);
  expect(body).toMatchObject({ ready: false, reasons: [expect.stringMatching(reason) as string] });
}
