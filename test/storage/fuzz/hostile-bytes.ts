import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { rawSafetensors } from '../../helpers/storage-arbitraries.js';

/** What a value of a JSON text is replaced with, so that it stays JSON and reaches the later checks. */
const HOSTILE_VALUES = [
  ...[
    '-1',
    '0',
    '1',
    '2',
    '4',
    '0.5',
    '1e308',
    '1e999',
    '-0',
    '4294967296',
    '9007199254740993',
    '18446744073709551616',
  ],
  ...['null', 'true', '[]', '{}', '[[1]]', '""', '"F64"', '"../../x"', '"/etc/passwd"', '"toString"', '"\\ud800"'],
];
/** What does not stay JSON, or is refused in one pass over the text. */
const HOSTILE_TEXTS = ['NaN', '', ',', '"', '['.repeat(400), '{"a":'.repeat(400), '"__proto__"', '"constructor"'];

type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number; readonly length: number }
  | { readonly kind: 'truncate'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'splice'; readonly at: number; readonly from: number; readonly length: number }
  | { readonly kind: 'token'; readonly at: number; readonly token: string };

const at = fc.nat({ max: 1 << 20 });

function token(tokens: readonly string[]): fc.Arbitrary<Mutation> {
  return fc.record({ kind: fc.constant('token' as const), at, token: fc.constantFrom(...tokens) });
}

function mutation(): fc.Arbitrary<Mutation> {
  const length = fc.nat({ max: 80 });
  return fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat({ max: 7 }) }),
    fc.record({ kind: fc.constant('cut' as const), at, length }),
    fc.record({ kind: fc.constant('truncate' as const), at }),
    fc.record({ kind: fc.constant('insert' as const), at, bytes: fc.uint8Array({ maxLength: 16 }) }),
    fc.record({ kind: fc.constant('splice' as const), at, from: at, length }),
    { weight: 10, arbitrary: token(HOSTILE_VALUES) },
    token(HOSTILE_TEXTS),
  );
}

function applied(bytes: Buffer, one: Mutation): Buffer {
  const at = bytes.length === 0 ? 0 : one.at % bytes.length;
  const around = (middle: Uint8Array, end: number) =>
    Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(end)]);
  switch (one.kind) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at]! ^= 1 << one.bit;
      return copy;
    }
    case 'cut':
      return around(new Uint8Array(0), at + one.length);
    case 'truncate':
      return bytes.subarray(0, at);
    case 'insert':
      return around(one.bytes, at);
    case 'splice': {
      const from = bytes.length === 0 ? 0 : one.from % bytes.length;
      return around(bytes.subarray(from, from + one.length), at);
    }
    case 'token': {
      const tokens = [...bytes.toString('latin1').matchAll(/-?\d+(\.\d+)?|"[^"]*"|true|false|null/g)];
      if (tokens.length === 0) return bytes;
      const { index, 0: text } = tokens[one.at % tokens.length]!;
      return Buffer.concat([bytes.subarray(0, index), Buffer.from(one.token), bytes.subarray(index + text.length)]);
    }
  }
}

/** One thing wrong, mostly: the first fault hides the others. */
const mutations = fc.oneof(
  { weight: 2, arbitrary: fc.array(mutation(), { minLength: 1, maxLength: 1 }) },
  fc.array(mutation(), { minLength: 2, maxLength: 4 }),
);

/** Valid files with a few things wrong. */
export function mutated(corpus: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.constantFrom(...corpus), mutations)
    .map(([bytes, faults]) => new Uint8Array(faults.reduce(applied, Buffer.from(bytes))));
}

/** Valid safetensors files with a few things wrong in the header's text, which has its right length. */
export function mutatedHeaders(corpus: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const split = corpus.map((bytes) => {
    const end = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    return { header: bytes.subarray(8, end), data: bytes.subarray(end) };
  });
  return fc.tuple(fc.constantFrom(...split), mutations).map(([{ header, data }, faults]) => {
    const text = faults.reduce(applied, Buffer.from(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(text.length));
    return new Uint8Array(Buffer.concat([prefix, text, data]));
  });
}

function hostileNumber(): fc.Arbitrary<unknown> {
  const special = fc.constantFrom(-1, 0.5, 1e308, 2 ** 53, 2 ** 32, 2 ** 31, -(2 ** 63), null, '4', true, [], {});
  return fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 64 }) }, special);
}

/** Headers of the right form with hostile fields, some names twice, some lengths wrong. */
export function hostileHeaders(): fc.Arbitrary<Uint8Array> {
  const name = fc.oneof(
    fc.constantFrom('a', 'b', '__metadata__', '__proto__', 'constructor', '', '\ud800'),
    fc.string(),
  );
  const entry = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record(
        {
          dtype: fc.oneof(fc.constantFrom('F32', 'F64', 'BF16', 'BOOL', 'I64', 'toString', 7, null), fc.string()),
          shape: fc.oneof({ weight: 6, arbitrary: fc.array(hostileNumber(), { maxLength: 5 }) }, fc.jsonValue()),
          data_offsets: fc.oneof({ weight: 6, arbitrary: fc.array(hostileNumber(), { maxLength: 3 }) }, fc.jsonValue()),
        },
        { requiredKeys: [] },
      ),
    },
    fc.jsonValue(),
  );
  const header = fc
    .array(fc.tuple(name, entry), { maxLength: 5 })
    .map(
      (entries) => `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
    );
  const length = fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined, freq: 8 });
  return fc
    .tuple(header, fc.nat({ max: 64 }), length)
    .map(([text, bytes, wrong]) => rawSafetensors(text, bytes, wrong));
}

/** Manifests with a few things wrong and a right seal, as a hostile writer makes them. */
export function sealedManifests(corpus: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const bodies = corpus.map((bytes) => bytes.subarray(0, bytes.length - SEAL_BYTES));
  return mutated(bodies).map((body) => {
    const sha256 = createHash('sha256').update(body).digest('hex');
    return new Uint8Array(Buffer.concat([body, Buffer.from(`,\n  "sha256": "${sha256}"\n}\n`)]));
  });
}

const SEAL_BYTES = `,\n  "sha256": "${'0'.repeat(64)}"\n}\n`.length;
