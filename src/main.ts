import fs from 'node:fs';
import module from 'node:module';
import path from 'node:path';

const PACKAGES_FOLDER = path.join(import.meta.dirname, '..', 'node_modules');
/** Beside the packages that it is of, so that it goes with them. */
const COMPILE_CACHE_FOLDER = path.join(PACKAGES_FOLDER, '.cache', 'bridge');

/** Of sysexits(3). */
const EX_IOERR = 74;

// A reader that goes away early (`bridge status | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`bridge: standard output can't be written: ${error.code}\n`);
  process.exit(EX_IOERR);
});

// The service's next start takes 0.2 s less. Where nothing can be written, nothing is kept. Without packages there must be no
// folder either: `bin/bridge` knows by that to say so.
if (fs.existsSync(PACKAGES_FOLDER)) {
  const { directory } = module.enableCompileCache(COMPILE_CACHE_FOLDER);
  if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory; // threads know it by that
}
const { runCli } = await import('./admin/cli.ts');

// No process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await runCli(process.argv.slice(2), process);
