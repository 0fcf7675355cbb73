import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readState, removeState, stateFilePath, writeState } from '../../src/sandbox/state-file.ts';

const STATE = { pid: process.pid, controlUrl: 'http://127.0.0.1:4711', token: 'a'.repeat(48) };

let directory: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'state-file-'));
  vi.stubEnv('TMPDIR', directory);
});

afterEach(() => {
  vi.unstubAllEnvs();
  fs.rmSync(directory, { recursive: true });
});

it('keeps what another terminal needs, for its owner’s eyes alone', () => {
  writeState(STATE);
  expect(readState()).toEqual(STATE);
  expect(fs.statSync(stateFilePath(STATE.pid)).mode & 0o777).toBe(0o600);
  expect(fs.readdirSync(directory)).toEqual([path.basename(stateFilePath(STATE.pid))]);
});

it('never writes through a link that somebody put there', () => {
  const target = path.join(directory, 'target');
  fs.writeFileSync(target, 'theirs');
  fs.symlinkSync(target, stateFilePath(STATE.pid));
  writeState(STATE);
  expect(fs.readFileSync(target, 'utf8')).toBe('theirs');
  expect(readState()).toEqual(STATE);
});

describe('says that no sandbox runs', () => {
  it('where there is no file', () => {
    expect(readState()).toBeUndefined();
  });

  it('where the sandbox is gone', () => {
    writeState({ ...STATE, pid: spawnSync(process.execPath, ['--version']).pid });
    expect(readState()).toBeUndefined();
  });

  it.each([
    { name: 'no JSON', content: 'x' },
    { name: 'another shape', content: '{"pid":1}' },
    { name: 'another host', content: JSON.stringify({ ...STATE, controlUrl: 'http://example.com/' }) },
  ])('where the file holds $name', ({ content }) => {
    fs.writeFileSync(stateFilePath(STATE.pid), content);
    expect(readState()).toBeUndefined();
  });
});

it('names the newest of several sandboxes, and the other again when that ends', () => {
  const older = { ...STATE, pid: process.ppid, controlUrl: 'http://127.0.0.1:4712' };
  writeState(older);
  fs.utimesSync(stateFilePath(older.pid), 1, 1);
  writeState(STATE);
  expect(readState()).toEqual(STATE);
  removeState(STATE.pid);
  expect(readState()).toEqual(older);
});

it('removes its own file only', () => {
  writeState(STATE);
  removeState(STATE.pid + 1);
  expect(readState()).toEqual(STATE);
  removeState(STATE.pid);
  expect(fs.existsSync(stateFilePath(STATE.pid))).toBe(false);
});
