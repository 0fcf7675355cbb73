import { describe, expect, it } from 'vitest';
import { describeConnectionUrl, parseConnectionUrl } from '../../src/queue/postgres/connection-url.ts';

const PLACE = 'postgres://user:password@db.example.com:5433/bridge';

describe('parseConnectionUrl', () => {
  it.each([
    { name: 'a bare one', query: '', passedOn: '' },
    { name: 'TLS, verified', query: '?sslmode=verify-full', passedOn: '?sslmode=verify-full' },
    { name: 'TLS as libpq’s default', query: '?sslmode=prefer', passedOn: '?sslmode=verify-full' },
    { name: 'TLS required', query: '?sslmode=require', passedOn: '?sslmode=verify-full' },
    { name: 'a certificate to verify', query: '?sslmode=verify-ca', passedOn: '?sslmode=verify-full' },
    { name: 'an unknown mode', query: '?sslmode=whatever', passedOn: '?sslmode=verify-full' },
    { name: 'TLS, unverified in so many words', query: '?sslmode=no-verify', passedOn: '?sslmode=no-verify' },
    { name: 'no TLS', query: '?sslmode=disable', passedOn: '?sslmode=disable' },
    {
      name: 'options with blanks, beside the pool’s size',
      query: '?options=-c%20search_path%3Dbridge&pool_max=3',
      passedOn: '?options=-c%20search_path%3Dbridge',
    },
  ])('passes on $name', ({ query, passedOn }) => {
    expect(parseConnectionUrl(PLACE + query).connectionString).toBe(PLACE + passedOn);
  });

  it.each([
    { query: '', max: 10 },
    { query: '?pool_max=1', max: 1 },
    { query: '?sslmode=disable&pool_max=1000', max: 1_000 },
  ])('has a pool of $max for "$query"', ({ query, max }) => {
    expect(parseConnectionUrl(PLACE + query).max).toBe(max);
  });

  it('keeps a password as it is', () => {
    const url = 'postgres://user:p+w%2B%20d@localhost/bridge';
    expect(parseConnectionUrl(`${url}?pool_max=2`).connectionString).toBe(url);
  });

  it.each(['0', '-1', '1.5', '1001', 'many', ''])('takes no pool_max of "%s"', (value) => {
    expect(() => parseConnectionUrl(`${PLACE}?pool_max=${value}`)).toThrow(/^pool_max is no whole number/);
  });

  it('quotes nothing of what is no URL', () => {
    expect(() => parseConnectionUrl('postgres://user:pass word@a b/c')).toThrow(/^is no URL$/);
  });
});

describe('describeConnectionUrl', () => {
  it.each([
    { url: PLACE, shown: 'postgres://db.example.com:5433/bridge' },
    { url: `${PLACE}?password=another&sslmode=disable`, shown: 'postgres://db.example.com:5433/bridge' },
    { url: 'postgresql:///bridge?host=/run/postgresql', shown: 'postgres:///bridge' },
  ])('names the place alone: $shown', ({ url, shown }) => {
    expect(describeConnectionUrl(url)).toBe(shown);
  });
});
