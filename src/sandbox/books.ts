/** The books, as `bridge status --json` shows them to whoever looks from outside. */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { BridgeChild } from './bridge-child.ts';
import type { Sample } from './samples.ts';

const IDLE_TIMEOUT_MS = 10_000;
const POLL_MS = 100;

const booksSchema = z.object({
  received: z.number(),
  delivered: z.number(),
  duplicate: z.number(),
  ignored: z.number(),
  dead: z.number(),
  discarded: z.number(),
  pending: z.number(),
  isBalanced: z.boolean(),
});

const statusSchema = z.object({ books: booksSchema });

export type SandboxBooks = z.infer<typeof booksSchema>;

/** Once nothing is pending, or after ten seconds what the books say then. */
export async function readIdleBooks(bridge: BridgeChild): Promise<SandboxBooks> {
  const giveUpAtMs = performance.now() + IDLE_TIMEOUT_MS;
  for (;;) {
    const { books } = statusSchema.parse(JSON.parse(await bridge.runCommand('status', '--json')));
    if (books.pending === 0 || performance.now() > giveUpAtMs) return books;
    await delay(POLL_MS);
  }
}

/** Beside the samples: what else the bridge was told, and what must have become of it. */
export interface MoreUnits {
  readonly delivered: number;
  readonly ignored: number;
}

/** What the samples, and `more`, must have left in the books. */
export function areBooksAsExpected(
  books: SandboxBooks,
  samples: readonly Sample[],
  more: MoreUnits = { delivered: 0, ignored: 0 },
): boolean {
  const fates = samples.flatMap((sample) =>
    sample.notifications.map((notification) => notification.fate.kind),
  );
  const delivered = fates.filter((kind) => kind === 'seen').length + more.delivered;
  const duplicate = fates.filter((kind) => kind === 'duplicate').length;
  return (
    books.isBalanced &&
    books.received === delivered + duplicate + more.ignored &&
    books.ignored === more.ignored &&
    books.delivered === delivered &&
    books.duplicate === duplicate
  );
}
