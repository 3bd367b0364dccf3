#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { AdjointError } from '../core/errors.js';
import { addEngineCommands } from './engine-commands.js';
import { addGradcheckCommand } from './gradcheck-command.js';
import { addInspectCommand } from './inspect-command.js';
import { addReplayCommand } from './replay-command.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

const program = new Command('adjoint')
  .description('Neural-network training in TypeScript on TensorFlow.')
  .version(version)
  // Without this, `engine install --version` would print Adjoint's own.
  .enablePositionalOptions()
  .showSuggestionAfterError()
  .showHelpAfterError('(--help lists the commands)');
addEngineCommands(program);
addGradcheckCommand(program);
addInspectCommand(program);
addReplayCommand(program);

program.parseAsync().catch((error: unknown) => {
  // A stack says nothing to somebody at a terminal, but for a fault of Adjoint's own.
  console.error(error instanceof AdjointError ? error.message : error);
  process.exitCode = error instanceof AdjointError && error.kind === 'install-interrupted' ? 130 : 1;
});
