import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..');

let project: string;

/** A project of its own, with these sources and these packages. */
beforeEach(() => {
  project = fs.mkdtempSync(path.join(os.tmpdir(), 'bridge-main-'));
  fs.cpSync(path.join(ROOT, 'src'), path.join(project, 'src'), { recursive: true });
  fs.copyFileSync(path.join(ROOT, 'package.json'), path.join(project, 'package.json'));
  fs.mkdirSync(path.join(project, 'node_modules'));
  for (const name of fs.readdirSync(path.join(ROOT, 'node_modules'))) {
    if (name === '.cache') continue;
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(project, 'node_modules', name));
  }
});

afterEach(() => {
  fs.rmSync(project, { recursive: true, force: true });
});

function runHelp(): { readonly status: number | null; readonly stderr: string } {
  const { NODE_COMPILE_CACHE: _tests, ...env } = process.env;
  const main = path.join(project, 'src', 'main.ts');
  return spawnSync(process.execPath, [main, '--help'], { env, encoding: 'utf8' });
}

function cacheFolder(): string {
  return path.join(project, 'node_modules', '.cache');
}

describe('what is compiled', () => {
  it('is kept beside the packages', () => {
    expect(runHelp()).toMatchObject({ status: 0, stderr: '' });
    expect(fs.readdirSync(path.join(cacheFolder(), 'bridge'))).toHaveLength(1);
  });

  it('is not kept where there are no packages: `bin/bridge` says then what to do', () => {
    fs.rmSync(path.join(project, 'node_modules'), { recursive: true });
    expect(runHelp().stderr).toContain("Cannot find package 'commander'");
    expect(fs.existsSync(path.join(project, 'node_modules'))).toBe(false);
  });

  it('is not kept where that can’t be written, and the bridge runs all the same', () => {
    fs.writeFileSync(cacheFolder(), 'a file, where the folder should be');
    expect(runHelp()).toMatchObject({ status: 0, stderr: '' });
  });
});
