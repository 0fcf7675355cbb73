import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findInSqlite } from '../../src/admin/erasure-proof.ts';
import { makeStoreFile, removeStoreFile } from '../queue/sqlite-file.ts';

const NUMBER = '14255550111';
const CHUNK = 1024 * 1024;

let file: string;

beforeEach(() => {
  file = makeStoreFile();
});

afterEach(() => removeStoreFile(file));

describe('findInSqlite', () => {
  it.each([
    { name: 'nowhere', at: [], expected: 0 },
    { name: 'at the beginning', at: [0], expected: 1 },
    { name: 'at the end', at: [3 * CHUNK - NUMBER.length], expected: 1 },
    { name: 'across the chunks that are read', at: [CHUNK - 5, 2 * CHUNK - 1], expected: 2 },
    { name: 'right before and behind the edge of one', at: [CHUNK - NUMBER.length, 2 * CHUNK], expected: 2 },
  ])('counts the number $name', async ({ at, expected }) => {
    const bytes = Buffer.alloc(3 * CHUNK, 'x');
    for (const start of at) bytes.write(NUMBER, start);
    fs.writeFileSync(file, bytes);
    const leftovers = expected === 0 ? [] : [{ place: file, count: expected }];
    expect(await findInSqlite(file, NUMBER)).toEqual({ leftovers, isFinal: true });
  });

  it('looks into the WAL, too', async () => {
    fs.writeFileSync(file, 'nothing');
    fs.writeFileSync(`${file}-wal`, `text+${NUMBER}text`);
    const leftovers = [{ place: `${file}-wal`, count: 1 }];
    expect(await findInSqlite(file, NUMBER)).toEqual({ leftovers, isFinal: false });
    fs.truncateSync(`${file}-wal`);
    expect(await findInSqlite(file, NUMBER)).toEqual({ leftovers: [], isFinal: true });
  });
});
