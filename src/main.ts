import { runCli } from './admin/cli.ts';

// A reader that goes away early (`bridge status | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// No process.exit(): it would cut off what a pipe has not taken yet.
process.exitCode = await runCli(process.argv.slice(2), process);
