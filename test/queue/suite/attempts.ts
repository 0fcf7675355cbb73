import { describe, expect, it } from 'vitest';
import { ATTEMPTS_KEPT } from '../../../src/queue/message-store.ts';
import type { Attempt, Claim, MessageDetail, Outcome } from '../../../src/queue/message-store.ts';
import { DELIVERED, LEASE_MS, RETENTION_MS, retryAt } from './store-scene.ts';
import type { StoreScene } from './store-scene.ts';

/** The message as operators see it; it must be there. */
async function read(scene: StoreScene, id: number): Promise<MessageDetail> {
  const detail = await scene.store.readMessage(id);
  if (!detail) throw new Error(`There is no message ${id}`);
  return detail;
}

function failed(scene: StoreScene, over: Partial<Attempt> = {}): Attempt {
  return {
    verdict: 'retry',
    code: 'InternalServiceException',
    requestId: 'request-1',
    startedAt: scene.now - 20,
    durationMs: 20,
    ...over,
  };
}

/** Claims the one head and records what became of it. */
async function attempt(scene: StoreScene, outcome: Outcome, attempt: Attempt): Promise<Claim> {
  const claim = await scene.claimOne();
  scene.now += 100;
  await scene.record(claim, outcome, { attempt });
  return claim;
}

export function describeAttempts(getScene: () => StoreScene): void {
  describe('attempts', () => {
    it('are kept with verdict, code, words, request id and times, oldest first', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      const first = failed(scene);
      await attempt(scene, { ...retryAt(scene.now), error: 'a first' } as Outcome, first);
      const second = failed(scene, { verdict: 'throttled', code: 'ThrottlingException', requestId: 'r-2' });
      await attempt(scene, { verdict: 'returned', dueAt: scene.now, error: 'a second' }, second);
      const third = failed(scene, { verdict: 'pause', code: 'AccessDeniedException' });
      await attempt(scene, { verdict: 'returned', dueAt: scene.now, error: 'a third' }, third);
      const fourth = failed(scene, { verdict: 'dead', code: 'InvalidRequestException' });
      await attempt(scene, { verdict: 'dead', reason: 'refused', error: 'a fourth' }, fourth);
      expect((await read(scene, id)).recordedAttempts).toEqual([
        { ...first, error: 'a first' },
        { ...second, error: 'a second' },
        { ...third, error: 'a third' },
        { ...fourth, error: 'a fourth' },
      ]);
    });

    it('have no code and no request id where there is none', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await attempt(scene, DELIVERED, { verdict: 'delivered', startedAt: scene.now, durationMs: 0 });
      const [recorded] = (await read(scene, id)).recordedAttempts;
      expect(recorded).toMatchObject({ verdict: 'delivered', durationMs: 0 });
      expect([recorded?.code, recorded?.requestId, recorded?.error]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    });

    it('that were lost with their sender are known by when that was found', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await scene.claimOne();
      scene.now += LEASE_MS;
      await attempt(scene, DELIVERED, failed(scene, { verdict: 'delivered' }));
      expect((await read(scene, id)).recordedAttempts).toMatchObject([
        { verdict: 'lost', startedAt: scene.now - 100, durationMs: 0 },
        { verdict: 'delivered', requestId: 'request-1' },
      ]);
    });

    it('are not recorded where nothing was sent', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await scene.record(await scene.claimOne(), { verdict: 'returned', dueAt: scene.now });
      expect((await read(scene, id)).recordedAttempts).toEqual([]);
    });

    it('whose outcome came too late are known as lost', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      const late = await scene.claimOne();
      scene.now += LEASE_MS;
      await scene.claimOne();
      const report = { attempt: failed(scene, { verdict: 'delivered' }) };
      expect(await scene.record(late, DELIVERED, report)).toBe('superseded');
      expect((await read(scene, id)).recordedAttempts.map(({ verdict }) => verdict)).toEqual(['lost']);
    });

    it(`are the last ${ATTEMPTS_KEPT}, and another message’s are left alone`, async () => {
      const scene = getScene();
      const { id } = await scene.accept({ from: '+14255550111' });
      await attempt(scene, DELIVERED, failed(scene, { verdict: 'delivered' }));
      const busy = await scene.accept({ from: '+14255550122' });
      for (let count = 1; count <= ATTEMPTS_KEPT + 5; count++) {
        await attempt(scene, retryAt(scene.now), failed(scene, { requestId: `request-${count}` }));
      }
      const { recordedAttempts, attempts } = await read(scene, busy.id);
      expect(attempts).toBe(ATTEMPTS_KEPT + 5);
      expect(recordedAttempts.map(({ requestId }) => requestId)).toEqual(
        Array.from({ length: ATTEMPTS_KEPT }, (_, index) => `request-${index + 6}`),
      );
      expect((await read(scene, id)).recordedAttempts).toHaveLength(1);
    });

    it('lose their words with the delivery, which may quote the customer', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      const words = { ...retryAt(scene.now), error: 'sentinel-of-the-words' } as Outcome;
      await attempt(scene, words, failed(scene));
      await attempt(scene, DELIVERED, failed(scene, { verdict: 'delivered', requestId: 'request-2' }));
      const { recordedAttempts, lastError } = await read(scene, id);
      expect(recordedAttempts).toMatchObject([
        { code: 'InternalServiceException', requestId: 'request-1', error: undefined },
        { verdict: 'delivered', requestId: 'request-2', error: undefined },
      ]);
      expect(lastError).toBeUndefined();
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.holds('sentinel-of-the-words')).toBe(false);
    });

    it('go with their message', async () => {
      const scene = getScene();
      const { id } = await scene.accept();
      await attempt(scene, DELIVERED, failed(scene, { verdict: 'delivered', requestId: 'sentinel-request' }));
      scene.now += RETENTION_MS + 1;
      await scene.store.maintain(scene.now, RETENTION_MS);
      expect(await scene.store.readMessage(id)).toBeUndefined();
      expect(await scene.holds('sentinel-request')).toBe(false);
    });
  });
}
