// node --import tsx write-child.ts FOLDER BYTES [COUNT]: writes a folder of one part again and again, its number in both.
import { writeFolder } from '../../src/storage/write-folder.js';

const [path, bytes, count = '1'] = process.argv.slice(2);

for (let i = 1; i <= Number(count); i++) {
  const part = new Uint8Array(Number(bytes)).fill(i % 256);
  try {
    await writeFolder(path!, { format: 'adjoint-model', parts: [{ name: 'data.bin', pieces: [part] }], meta: { i } });
  } catch (error) {
    console.log((error as Error).message);
    process.exit(3);
  }
  console.log(`written ${i}`);
}
