/**
 * Removes a person's data for good: content, addresses, errors, lanes. Hashes stay, so that a redelivery brings nothing
 * back. Then it looks whether the number is anywhere in the store, and says so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SECOND_MS } from '../../clock.ts';
import { loadSetting } from '../../config.ts';
import type { Environment } from '../../config.ts';
import { BridgeError } from '../../errors.ts';
import { maskAddress } from '../../log.ts';
import type { Erasure, MessageState, MessageStore } from '../../queue/message-store.ts';
import type { CommandIo } from '../command-io.ts';
import { withStore } from '../command-store.ts';
import { findInPostgres, findInSqlite } from '../erasure-proof.ts';
import type { Leftover, Search } from '../erasure-proof.ts';

export interface EraseOptions {
  /** As messages hold it: E.164, else a short code or a WhatsApp user id. */
  readonly customer: string;
  readonly json?: boolean;
}

/** For a message that is being sent: two leases' time. */
const BUSY_WAIT_MS = 30 * SECOND_MS;
const BUSY_POLL_MS = 200;
/** For a reader that keeps the WAL from being emptied. */
const PROOF_TRIES = 20;
const PROOF_POLL_MS = 250;
/** Shorter ones are in any file by chance. */
const ADDRESS_LENGTH_LEAST = 4;
const EXIT_LEFT = 1;

/** Resolves to 1 if the number is still somewhere. Throws USAGE, CUSTOMER_BUSY. */
export async function erase(options: EraseOptions, io: CommandIo): Promise<number> {
  const address = parseAddress(options.customer);
  const { erased, leftovers } = await withStore(io, async (store) => ({
    erased: await eraseWhenIdle(store, address),
    leftovers: await proveErasure(store, address, io.env),
  }));
  const facts = { customer: maskAddress(address), erased, leftovers };
  io.stdout.write(options.json ? `${JSON.stringify(facts, undefined, 2)}\n` : describe(facts));
  return leftovers.length === 0 ? 0 : EXIT_LEFT;
}

/** Separators that people write within a number are none of it. */
function parseAddress(text: string): string {
  const trimmed = text.trim();
  const address = trimmed.startsWith('+') ? trimmed.replaceAll(/[\s().-]/g, '') : trimmed;
  const isRight = address.startsWith('+') ? /^\+\d{7,15}$/.test(address) : /^\S+$/.test(address);
  if (isRight && address.length >= ADDRESS_LENGTH_LEAST) return address;
  throw new BridgeError('USAGE', {
    detail: '--customer is no address: give a number as +14255550182, or an id as `bridge show` prints it.',
  });
}

async function eraseWhenIdle(store: MessageStore, address: string): Promise<Erasure['erased']> {
  const giveUpAt = performance.now() + BUSY_WAIT_MS;
  for (;;) {
    const { isBusy, erased } = await store.eraseCustomer(address, Date.now());
    if (!isBusy) return erased;
    if (performance.now() >= giveUpAt) throw new BridgeError('CUSTOMER_BUSY');
    await sleep(BUSY_POLL_MS);
  }
}

/** Erasing again erases what has come meanwhile, and empties the WAL, which a reader may have kept. */
async function proveErasure(
  store: MessageStore,
  address: string,
  env: Environment,
): Promise<readonly Leftover[]> {
  for (let tries = 1; ; tries += 1) {
    const { leftovers, isFinal } = await search(address, env);
    if (leftovers.length === 0 || isFinal || tries >= PROOF_TRIES) return leftovers;
    await sleep(PROOF_POLL_MS);
    await store.eraseCustomer(address, Date.now());
  }
}

/** WhatsApp writes a number without +, so what is looked for has none: that finds both. */
function search(address: string, env: Environment): Promise<Search> {
  const text = address.replace(/^\+/, '');
  const location = loadSetting(env, 'STORE_URL');
  return location.kind === 'postgres'
    ? findInPostgres(location.url, text)
    : findInSqlite(location.path, text);
}

interface Facts {
  readonly customer: string;
  readonly erased: Erasure['erased'];
  readonly leftovers: readonly Leftover[];
}

function describe({ customer, erased, leftovers }: Facts): string {
  const states = Object.entries(erased) as [MessageState, number][];
  const counts = states.map(([state, count]) => `${state} ${count}`);
  return [
    counts.length > 0
      ? `Erased of ${customer}: ${counts.join(', ')}\n`
      : `No message of ${customer} was there. A number is written with + and country code.\n`,
    ...(leftovers.length === 0
      ? ['Looked for the number, with and without +: it is nowhere in the store that can be read.\n']
      : leftovers.map(({ place, count }) => `STILL THERE: ${place}, ${count} times\n`)),
    ...(leftovers.length === 0
      ? []
      : [
          'Another customer’s message may mention it (it goes with that message), or the customer has written again.\n',
        ]),
  ].join('');
}
