/**
 * The conformance suite of message-store.ts: every store passes all of it. It knows the contract only; what is one
 * store's own is tested beside it.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import { describeAccepting } from './suite/accepting.ts';
import { describeAgeing } from './suite/ageing.ts';
import { describeAttempts } from './suite/attempts.ts';
import { describeChats } from './suite/chats.ts';
import { describeClaimLimits } from './suite/claim-limits.ts';
import { describeErasing } from './suite/erasing.ts';
import { describeLeases } from './suite/leases.ts';
import { describeLooking } from './suite/looking.ts';
import { describeOrder } from './suite/order.ts';
import { describeOutcomes } from './suite/outcomes.ts';
import { describePaces } from './suite/paces.ts';
import { describeParts } from './suite/parts.ts';
import { describePauses } from './suite/pauses.ts';
import { describeRandomRuns } from './suite/random-runs.ts';
import { describeRedriving } from './suite/redriving.ts';
import { StoreScene } from './suite/store-scene.ts';
import type { StoreUnderTest } from './suite/store-scene.ts';

/** Each describes one side of the contract. */
type DescribeTopic = (scene: () => StoreScene) => void;

const TOPICS: readonly DescribeTopic[] = [
  describeAccepting,
  describeOrder,
  describeLeases,
  describeOutcomes,
  describeParts,
  describeChats,
  describePauses,
  describeClaimLimits,
  describePaces,
  describeAttempts,
  describeAgeing,
  describeLooking,
  describeRedriving,
  describeErasing,
  describeRandomRuns,
];

/** `open` gives an empty store for each test; after each, its books balance. */
export function describeMessageStore(
  name: string,
  open: () => Promise<StoreUnderTest>,
  topics = TOPICS,
): void {
  describe(name, () => {
    let scene: StoreScene;
    beforeEach(async () => {
      scene = new StoreScene(await open());
    });
    afterEach(() => scene.end());
    for (const describeTopic of topics) describeTopic(() => scene);
  });
}
