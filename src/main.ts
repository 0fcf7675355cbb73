import { runCli } from './admin/cli.ts';

/** Of sysexits(3). */
const EX_IOERR = 74;

// A reader that goes away early (`bridge status | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`bridge: standard output can't be written: ${error.code}\n`);
  process.exit(EX_IOERR);
});

// No process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await runCli(process.argv.slice(2), process);
