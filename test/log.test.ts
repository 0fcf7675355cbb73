import { describe, expect, it } from 'vitest';
import { BridgeError } from '../src/errors.ts';
import { createLogger, describeError, LOG_LEVELS, maskAddress } from '../src/log.ts';
import { LogMemory } from './support/log-memory.ts';

describe('createLogger', () => {
  it('writes one line of JSON for each event, named in the field event', () => {
    const log = new LogMemory();
    createLogger('info', log).info({ messageId: 7 }, 'message.delivered');
    expect(log.lines).toHaveLength(1);
    const { time, ...event } = JSON.parse(log.lines[0] ?? '') as Record<string, unknown>;
    expect(event).toEqual({ level: 'info', event: 'message.delivered', messageId: 7 });
    expect(new Date(String(time)).toISOString()).toBe(time);
  });

  it.each([
    { level: 'debug', expected: ['debug', 'info', 'warn', 'error'] },
    { level: 'info', expected: ['info', 'warn', 'error'] },
    { level: 'error', expected: ['error'] },
    { level: 'silent', expected: [] },
  ] as const)('leaves out what is below its level: $level', ({ level, expected }) => {
    const log = new LogMemory();
    const logger = createLogger(level, log);
    for (const name of ['debug', 'info', 'warn', 'error'] as const) logger[name]({}, 'something.happened');
    expect(log.events('something.happened').map(({ level }) => level)).toEqual(expected);
  });

  it.each(LOG_LEVELS)('knows the level %s', (level) => {
    expect(createLogger(level, new LogMemory()).level).toBe(level);
  });

  it('describes an error by its code and causes, and quotes nobody', () => {
    const log = new LogMemory();
    const cause = Object.assign(new Error('Value "my words" at +14255550182'), { code: 'ERR_X' });
    const err = new BridgeError('STORE_UNAVAILABLE', { detail: 'database is locked', cause });
    createLogger('info', log).error({ err }, 'store.failed');
    expect(log.events('store.failed')).toMatchObject([
      {
        err: {
          name: 'BridgeError',
          code: 'STORE_UNAVAILABLE',
          message: 'The store can’t be reached, read or written. database is locked',
          cause: { name: 'Error', code: 'ERR_X' },
        },
      },
    ]);
    expect(log.lines[0]).not.toContain('my words');
    expect(log.lines[0]).not.toContain('555018');
  });
});

describe('describeError', () => {
  it.each([
    { name: 'an error', thrown: new TypeError('words'), expected: { name: 'TypeError' } },
    {
      name: 'one with a code',
      thrown: Object.assign(new Error(), { code: 'ECONNRESET' }),
      expected: { code: 'ECONNRESET' },
    },
    {
      name: 'AWS’s',
      thrown: Object.assign(new Error('words'), {
        name: 'InvalidRequestException',
        $metadata: { httpStatusCode: 400, requestId: 'request-1', attempts: 1 },
      }),
      expected: { name: 'InvalidRequestException', httpStatus: 400, requestId: 'request-1' },
    },
    { name: 'a string', thrown: 'words', expected: { name: 'string' } },
    { name: 'nothing', thrown: undefined, expected: { name: 'undefined' } },
    { name: 'null', thrown: null, expected: { name: 'object' } },
  ])('names $name, without its words', ({ thrown, expected }) => {
    const described = describeError(thrown);
    expect(described).toMatchObject(expected);
    expect(JSON.stringify(described)).not.toContain('words');
  });

  it('shows where an error comes from, but no line of its message', () => {
    const { at } = describeError(new Error('first line\n    at home, where nobody:1:2 hears\n  at last'));
    expect(at).toEqual(expect.arrayContaining([expect.stringMatching(/^at .*log\.test\.ts/)]));
    expect(JSON.stringify(at)).not.toMatch(/home|last/);
  });

  it('ends with causes that go round', () => {
    const error = new Error('round');
    error.cause = error;
    expect(JSON.stringify(describeError(error)).match(/"name"/g)).toHaveLength(5);
  });
});

describe('maskAddress', () => {
  it.each([
    { address: '+14255550182', expected: '***82' },
    { address: '55555', expected: '***55' },
    { address: 'US.13491208655302741918', expected: '***18' },
    { address: '', expected: '***' },
  ])('shows no more than two characters of $address', ({ address, expected }) => {
    expect(maskAddress(address)).toBe(expected);
  });
});
