import { expect, it } from 'vitest';
import { DAY_MS } from '../../src/clock.ts';
import { chatCutoff } from '../../src/queue/chats.ts';

const NOW = Date.UTC(2026, 4, 4, 12);

it.each([
  { name: 'a day more than the longest chat', retentionDays: 1, days: 8 },
  { name: 'that, even where nothing else is kept', retentionDays: 0, days: 8 },
  { name: 'the retention where that is longer', retentionDays: 30, days: 30 },
])('a chat that nothing happens in is kept for $name', ({ retentionDays, days }) => {
  expect(chatCutoff(NOW, retentionDays * DAY_MS)).toBe(NOW - days * DAY_MS);
});
