import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from './run-command.ts';

const LAUNCHER = path.resolve(import.meta.dirname, '../../bin/bridge');

describe('runCli', () => {
  it.each([
    ['help', ['help']],
    ['--help', ['--help']],
    ['help of a command', ['help', 'send-event']],
    ['--help of a command', ['sandbox', 'send', '--help']],
  ])('%s goes to standard output, exit 0', async (_name, argv) => {
    const run = await runCommand(argv);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toContain('Usage: bridge');
  });

  it.each([
    'list',
    'show',
    'redrive',
    'discard',
    'erase',
    'replay',
    'status',
    'start',
    'subscribe',
    'doctor',
  ])('%s has a help of its own', async (command) => {
    const overview = await runCommand(['help']);
    expect(overview.stdout).toMatch(new RegExp(`^ +${command}\\b.* {2}\\S`, 'm'));
    const { exitCode, stdout } = await runCommand(['help', command]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Usage: bridge ${command}`);
  });

  it.each([
    ['no command', [], 'Usage: bridge'],
    ['an unknown command', ['stat'], "unknown command 'stat'"],
    ['an unknown option', ['status', '--yaml'], "unknown option '--yaml'"],
    ['an argument too many', ['status', 'now'], 'too many arguments'],
    ['a required option missing', ['subscribe', '--topic', 'x'], '--endpoint'],
    [
      'a choice that is none',
      ['send-event', '--source-id', 'x', '--destination-id', 'y', '--type', 'TEXT'],
      'MESSAGE, EVENT, DISCONNECT',
    ],
    ['an id missing', ['show'], 'missing required argument'],
    ['a customer missing', ['erase'], '--customer'],
    ['a file missing', ['replay'], 'missing required argument'],
    ['a text missing', ['sandbox', 'send', '--from', '+14255550182'], 'text'],
  ])('%s: exit 64, and a word on standard error', async (_name, argv, complaint) => {
    const run = await runCommand(argv);
    expect(run).toMatchObject({ exitCode: 64, stdout: '' });
    expect(run.stderr).toContain(complaint);
  });

  it('an error of the catalogue: its sentence and exit code, and no stack', async () => {
    const run = await runCommand(['subscribe', '--topic', 'x', '--endpoint', 'https://bridge.example/sns']);
    expect(run.exitCode).toBe(64);
    expect(run.stderr).toBe(
      "bridge: USAGE: The command was called wrongly. --topic is no SNS topic's ARN: x\n",
    );
  });

  it('an error that nobody foresaw: exit 70, with its stack', async () => {
    const { runCli } = await import('../../src/admin/cli.ts');
    let stderr = '';
    const stdout = {
      write: (): never => {
        throw new TypeError('a broken output', { cause: new Error('the disk') });
      },
    };
    const argv = [
      'subscribe',
      '--topic',
      'arn:aws:sns:us-east-1:111122223333:in',
      '--endpoint',
      'https://x.example/sns',
      '--dry-run',
    ];
    const exitCode = await runCli(argv, {
      env: {},
      stdin: process.stdin,
      stdout,
      stderr: { write: (text) => (stderr += text) },
    });
    expect(exitCode).toBe(70);
    expect(stderr).toMatch(/^bridge: TypeError: a broken output\n\s+at /);
    expect(stderr).toContain('caused by Error: the disk');
  });
});

describe('bin/bridge', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'bridge-launcher-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('runs the command line through symbolic links, on the checkout’s node whatever the PATH holds', async () => {
    await mkdir(path.join(folder, 'a b'));
    await symlink(LAUNCHER, path.join(folder, 'a b', 'first'));
    await symlink('a b/first', path.join(folder, 'second'));
    const run = await launch(path.join(folder, 'second'), [
      'send-event',
      '--source-id',
      '+14255550182',
      '--destination-id',
      'x',
      '--content',
      'a "b" $c',
      '--region',
      'us-east-1',
      '--dry-run',
    ]);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(run.stdout)).toMatchObject({ Event: { Content: 'a "b" $c' } });
  });

  it('hands on the exit code', async () => {
    expect(await launch(LAUNCHER, ['nonsense'])).toMatchObject({ exitCode: 64, stdout: '' });
  });

  it('says what to do without dependencies', async () => {
    const run = await launch(await copyLauncher(folder), ['help']);
    expect(run).toMatchObject({ exitCode: 69, stdout: '' });
    expect(run.stderr).toContain('npm ci');
  });

  it.each([
    ['no node at all', undefined],
    ['a node that is too old', 'exit 1'],
  ])('says what to do with %s', async (_name, node) => {
    const launcher = await copyLauncher(folder);
    await mkdir(path.join(folder, 'node_modules'));
    if (node !== undefined) await writeNode(folder, node);
    const run = await launch(launcher, ['help'], path.join(folder, 'path'));
    expect(run).toMatchObject({ exitCode: 69, stdout: '' });
    expect(run.stderr).toContain('Node 24.12 or newer');
  });

  it('takes the PATH’s node where the checkout has none', async () => {
    const launcher = await copyLauncher(folder);
    await mkdir(path.join(folder, 'node_modules'));
    await writeNode(folder, 'case $1 in -e) exit 0 ;; esac; echo "ran $*"');
    const run = await launch(launcher, ['status', '--json'], path.join(folder, 'path'));
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(/^ran .*\/src\/main\.ts status --json\n$/);
  });
});

async function copyLauncher(folder: string): Promise<string> {
  const launcher = path.join(folder, 'bin', 'bridge');
  await mkdir(path.dirname(launcher));
  await copyFile(LAUNCHER, launcher);
  await mkdir(path.join(folder, 'path'));
  // The tools that the launcher uses, and no node beside them.
  for (const tool of ['dirname', 'readlink']) {
    const { stdout } = await promisify(execFile)('sh', ['-c', `command -v ${tool}`]);
    await symlink(stdout.trim(), path.join(folder, 'path', tool));
  }
  return launcher;
}

async function writeNode(folder: string, script: string): Promise<void> {
  const node = path.join(folder, 'path', 'node');
  await writeFile(node, `#!/bin/sh\n${script}\n`);
  await chmod(node, 0o755);
}

/** `PATH` is the system's own, unless given. */
async function launch(launcher: string, argv: readonly string[], PATH = '/usr/bin:/bin') {
  const options = { env: { PATH }, timeout: 15_000 };
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    execFile(launcher, argv, options, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
