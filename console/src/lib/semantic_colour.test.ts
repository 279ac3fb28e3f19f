import { expect, it } from 'vitest';
import { codeHue, sharedPrefix } from './semantic_colour';

it('counts only leading codes as shared', () => {
  expect(sharedPrefix([1, 2, 3], [1, 9, 3])).toBe(1);
  expect(sharedPrefix([1, 2, 3], [1, 2, 3])).toBe(3);
  expect(sharedPrefix([1], [2])).toBe(0);
});

it('keeps neighbouring codes apart on the colour wheel', () => {
  for (let code = 0; code < 255; code += 1) {
    const apart = Math.abs(codeHue(0, code) - codeHue(0, code + 1));
    expect(Math.min(apart, 360 - apart)).toBeGreaterThan(90);
  }
});
