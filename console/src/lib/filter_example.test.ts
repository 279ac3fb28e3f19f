import { expect, it } from 'vitest';
import { filterExample } from './filter_example';

it('joins a list and a number, whatever their order', () => {
  expect(filterExample({ year: 1994, genre: ['Drama', 'War'] })).toBe('genre IN ("Drama") AND year >= 1994');
});

it('uses a short text where there is no list, and escapes quotes', () => {
  expect(filterExample({ brand: 'The "A" team' })).toBe('brand = "The \\"A\\" team"');
});

it('puts odd names in backticks', () => {
  expect(filterExample({ 'list price': 5 })).toBe('`list price` >= 5');
});

it('has an answer for an item without attributes', () => {
  expect(filterExample({})).toBe('title CONTAINS "a"');
});
