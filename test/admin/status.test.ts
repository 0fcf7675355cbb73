import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeStoreFile, openSqliteStore, removeStoreFile } from '../queue/sqlite-file.ts';
import { DESTINATION, pauseUntil, StoreScene } from '../queue/suite/store-scene.ts';
import { BEGUN } from '../send/participant/participant-scene.ts';
import { runCommand } from './run-command.ts';
import type { CommandRun } from './run-command.ts';

const DEAD_LETTER = { kind: 'dead', index: 0, reason: 'not_understood', detail: 'why', raw: '{}' } as const;

let file: string;
let scene: StoreScene;

beforeEach(async () => {
  file = makeStoreFile();
  scene = new StoreScene(await openSqliteStore(file));
});

afterEach(() => scene.end());

function runStatus(...options: string[]): Promise<CommandRun> {
  return runCommand(['status', ...options], { env: { STORE_URL: `sqlite:${file}` } });
}

/** A message of each fate, and a paused destination; everything happened `agoMs` ago. */
async function fillStore(agoMs: number): Promise<void> {
  scene.now = Date.now() - agoMs;
  await scene.accept({ from: '+14255550111', externalId: 'external-1' });
  await scene.deliverAll();
  await scene.accept({ from: '+14255550111', externalId: 'external-1' });
  await scene.store.accept({ ...scene.request([]), ignored: ['status'] });
  await scene.store.accept(scene.request([DEAD_LETTER]));
  await scene.accept({ channel: 'whatsapp', from: '+14255550122' });
  const returned = { verdict: 'returned', dueAt: scene.now } as const;
  await scene.record(await scene.claimOne(), returned, { pause: pauseUntil(Date.now() + 3_600_000 * 5) });
}

describe('bridge status', () => {
  it('prints an empty store', async () => {
    const { exitCode, stdout, stderr } = await runStatus();
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'Messages   pending 0 · sending 0 · dead 0',
      'Oldest     none is waiting',
      'Paused     no destination',
      'Books      received 0 = delivered 0 + duplicate 0 + ignored 0 + dead 0 + discarded 0 + pending 0',
      '           possible duplicates 0, arrived late 0',
      '',
    ]);
  });

  it('prints counts, the pause in words and the books, beside a running service', async () => {
    await fillStore(90_000);
    const { exitCode, stdout } = await runStatus();
    expect(exitCode).toBe(0);
    for (const line of [
      'Messages   pending 1 (whatsapp 1) · sending 0 · dead 1 (unknown 1)',
      `Paused     ${DESTINATION}`,
      '           AccessDeniedException: Allow it.',
      'Books      received 5 = delivered 1 + duplicate 1 + ignored 1 + dead 1 + discarded 0 + pending 1',
      '           ignored: status 1',
      '           dead: not_understood 1',
    ]) {
      expect(stdout.split('\n')).toContain(line);
    }
    expect(stdout).toMatch(/^Oldest {5}waits since \S+Z \(\d+ s\)$/m);
    expect(stdout).toMatch(/since \S+Z \(\d+ s\), next probe in 5 h$/m);
    expect(stdout).not.toContain('555012');
  });

  it.each([
    { agoMs: 600_000, expected: '10 min' },
    { agoMs: 3 * 3_600_000, expected: '3 h' },
  ])('says how long ago in fitting units: $expected', async ({ agoMs, expected }) => {
    await fillStore(agoMs);
    expect((await runStatus()).stdout).toMatch(
      new RegExp(`^Oldest {5}waits since \\S+Z \\(${expected}\\)$`, 'm'),
    );
  });

  it.each([
    { chats: ['+14255550111'], expected: '1 conversation waits' },
    { chats: ['+14255550111', '+14255550122'], expected: '2 conversations wait' },
  ])('says that chats can’t be opened for now: $expected', async ({ chats, expected }) => {
    scene.now = Date.now();
    for (const from of chats) await scene.accept({ from });
    const waiting = { ...BEGUN, waitsFor: 'LimitExceededException' };
    for (const claim of (await scene.claim()).claims) {
      const returned = { verdict: 'returned', dueAt: scene.now + 5_000 } as const;
      await scene.record(claim, returned, { session: waiting });
    }
    expect((await runStatus()).stdout).toContain(
      `\nChats      ${expected} for a chat (LimitExceededException): the instance has as many as it may; end some`,
    );
  });

  it('prints the same for programs', async () => {
    await fillStore(90_000);
    const { exitCode, stdout } = await runStatus('--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(await scene.status());
  });
});

describe('bridge status, without a store', () => {
  it('says that there is none, and makes none', async () => {
    const missing = makeStoreFile();
    const { exitCode, stdout, stderr } = await runCommand(['status'], {
      env: { STORE_URL: `sqlite:${missing}` },
    });
    removeStoreFile(missing);
    expect({ exitCode, stdout }).toEqual({ exitCode: 66, stdout: '' });
    expect(stderr).toContain('STORE_MISSING');
  });

  it('says what is wrong with STORE_URL', async () => {
    const { exitCode, stderr } = await runCommand(['status'], { env: { STORE_URL: 'nonsense' } });
    expect(exitCode).toBe(78);
    expect(stderr).toContain('STORE_URL: is not of the form sqlite:PATH');
  });
});
