import { describe, expect, it } from '@jest/globals';
import { philoxFill } from '../../src/core/philox.js';

const words = (text: string): number[] => text.split(' ').map((word) => parseInt(word, 16));

describe('philoxFill', () => {
  // Random123, tests/kat_vectors, lines "philox4x32 10".
  it.each([
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('agrees with the published answer for counter %s and key %s', (counter, key, answer) => {
    const out = new Uint32Array(4);
    const [c0, c1, c2, c3] = words(counter);
    const [k0, k1] = words(key);
    philoxFill(out, k0!, k1!, c0!, c1!, c2!, c3!);
    expect([...out]).toEqual(words(answer));
  });

  it('counts up, and carries into the second word', () => {
    const two = new Uint32Array(8);
    const one = new Uint32Array(4);
    philoxFill(two, 1, 2, 0xffffffff, 5, 6, 7);
    philoxFill(one, 1, 2, 0, 6, 6, 7);
    expect([...two.subarray(4)]).toEqual([...one]);
  });
});
