// The child of run-doc-examples.mjs: imports one example after the other and answers with its failure, if any.
import { pathToFileURL } from 'node:url';

let failure;
const note = (error) => (failure ??= error instanceof Error ? (error.stack ?? error.message) : String(error));
process.on('unhandledRejection', note);
process.on('uncaughtException', note);
process.on('message', async (file) => {
  failure = undefined;
  try {
    await import(pathToFileURL(file).href);
  } catch (error) {
    note(error);
  }
  // A promise that nobody awaited rejects after the import.
  await new Promise((done) => setImmediate(done));
  if (!failure && process.exitCode) failure = `process.exitCode is ${process.exitCode}`;
  process.exitCode = 0;
  process.send({ failure });
});
