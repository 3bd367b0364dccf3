import { appendFileSync } from 'node:fs';

/** Notes how far off a comparison was, for the table of `npm run equalities`; without it nothing is written. */
export function noteEquality(row: string, error: number, tolerance: number): void {
  const file = process.env['ADJOINT_EQUALITIES'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ row, error, tolerance })}\n`);
}
