/** `bridge sandbox` and `bridge sandbox send`, as a person runs them. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Waiters } from '../../src/sandbox/waiters.ts';

const MAIN = path.join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const SAMPLES_TIMEOUT_MS = 30_000;

/** A folder for temporary files of the test's own. */
function makeDirectory() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sandbox-'));
  return { directory, [Symbol.dispose]: () => fs.rmSync(directory, { recursive: true }) };
}

function environment(directory: string): NodeJS.ProcessEnv {
  // What the caller's AWS set-up says must not matter.
  return { PATH: process.env['PATH'], TMPDIR: directory, AWS_PROFILE: 'nobody', AWS_REGION: 'eu-west-1' };
}

function startSandbox(directory: string, ...options: string[]) {
  const child = spawn(process.execPath, [MAIN, 'sandbox', ...options], { env: environment(directory) });
  const waiters = new Waiters();
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      waiters.changed();
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    exited,
    output: () => output,
    until: (text: string) =>
      waiters.until(
        () => output.includes(text),
        SAMPLES_TIMEOUT_MS,
        () => output,
      ),
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}

/** Run aside, so that the sandbox's output is read meanwhile. */
async function runFromAnotherTerminal(
  directory: string,
  words: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN, 'sandbox', ...words], { env: environment(directory) });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output };
}

it.concurrent(
  'runs the samples, stays up for more, and leaves nothing behind',
  { timeout: 60_000 },
  async () => {
    using temporary = makeDirectory();
    const { directory } = temporary;
    using sandbox = startSandbox(directory);
    await sandbox.until('Ctrl-C ends it.');
    expect(sandbox.output()).not.toContain('✗');
    expect(sandbox.output()).toContain('Chat 1 · SMS · +14255550182 → +12065550100 · new chat');
    expect(sandbox.output()).toContain('[Empty message]');
    expect(sandbox.output()).toContain('13 received = 11 delivered + 2 duplicate + 0 ignored + 0 dead');

    const sms = await runFromAnotherTerminal(directory, ['send', '--from', '+14255550182', 'Thank you!']);
    expect(sms).toMatchObject({
      code: 0,
      output: expect.stringMatching(/Chat 1 .* continued\n.* {2}Thank you!/) as string,
    });
    await sandbox.until('Thank you!');
    const whatsApp = await runFromAnotherTerminal(directory, [
      'send',
      '--from',
      '+12065550199',
      '--channel',
      'whatsapp',
      'Olá!',
    ]);
    expect(whatsApp).toMatchObject({
      code: 0,
      output: expect.stringMatching(/WhatsApp .* new chat\n.* {2}Olá!/) as string,
    });
    const fax = await runFromAnotherTerminal(directory, [
      'send',
      '--from',
      '+12065550199',
      '--channel',
      'fax',
      'Hello',
    ]);
    expect(fax).toMatchObject({ code: 64 });
    const reply = await runFromAnotherTerminal(directory, ['reply', 'Good bye!']);
    expect(reply).toMatchObject({
      code: 1,
      output: expect.stringContaining('--method participant') as string,
    });

    sandbox.child.kill('SIGTERM');
    expect(await sandbox.exited).toBe(0);
    expect(fs.readdirSync(directory)).toEqual([]);
  },
);

it.concurrent(
  'ends after the samples if asked to, with 0 if each ended as it should',
  { timeout: 60_000 },
  async () => {
    using temporary = makeDirectory();
    const { directory } = temporary;
    using sandbox = startSandbox(directory, '--exit');
    expect({ code: await sandbox.exited, output: sandbox.output() }).toMatchObject({ code: 0 });
    expect(sandbox.output()).not.toContain('✗');
    expect(fs.readdirSync(directory)).toEqual([]);
  },
);

it.concurrent(
  'shows a conversation both ways by the method participant, and lets the agent answer',
  { timeout: 90_000 },
  async () => {
    using temporary = makeDirectory();
    const { directory } = temporary;
    using sandbox = startSandbox(directory, '--method', 'participant');
    await sandbox.until('Ctrl-C ends it.');
    expect(sandbox.output()).not.toContain('✗');
    expect(sandbox.output()).toContain('Chat 1 · SMS · +14255550182 → +12065550100 · new chat');
    expect(sandbox.output()).toContain('seen: Tomorrow afternoon');
    const reply = await runFromAnotherTerminal(directory, ['reply', '--to', '+14255550182', 'Good bye!']);
    expect(reply).toMatchObject({
      code: 0,
      output: expect.stringMatching(/Chat 1 .*\n.*to the customer: Good bye!/) as string,
    });
    sandbox.child.kill('SIGTERM');
    expect(await sandbox.exited).toBe(0);
  },
);

it.each([
  { name: 'send', words: ['send', '--from', '+14255550182', 'x'] },
  { name: 'reply', words: ['reply', 'x'] },
])('$name says that no sandbox runs', ({ words }) => {
  using temporary = makeDirectory();
  const { directory } = temporary;
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'sandbox', ...words], {
    env: environment(directory),
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({
    status: 69,
    stderr: expect.stringContaining('SANDBOX_UNAVAILABLE') as string,
  });
});
