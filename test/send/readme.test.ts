import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONTENT_KINDS } from '../../src/normalize/inbound-message.ts';
import type { InboundMessage } from '../../src/normalize/inbound-message.ts';
import { fitAttributes } from '../../src/send/session-details.ts';
import { DESTINATION, MESSAGE } from './chat-event-scene.ts';

const README = fs.readFileSync(path.join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');

/** The words in code of a table's first column, row by row. */
function firstColumn(heading: string): string[] {
  const section = README.split(`### ${heading}\n`)[1]?.split('\n#')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, word]) => word ?? ''),
  );
}

describe('README.md', () => {
  it('has the attributes in their order of priority', () => {
    const message: InboundMessage = {
      ...MESSAGE,
      isOptOut: true,
      keyword: 'K',
      previousPublishedMessageId: 'ours-1',
      referral: { sourceType: 'ad', sourceId: '4', sourceUrl: 'https://fb.example/ad/4' },
      groupId: 'group-1',
    };
    expect(firstColumn('Contact attributes of a new chat')).toEqual(
      Object.keys(fitAttributes(message, DESTINATION).attributes),
    );
  });

  it('says what the agent sees of each kind', () => {
    expect(firstColumn('What the agent sees')).toEqual([...CONTENT_KINDS]);
  });
});
