import { describe, expect, it } from 'vitest';
import { attributesOf, attributeValue, idFor } from './new_item';

describe('attributeValue', () => {
  it('follows the type the catalogue already uses', () => {
    expect(attributeValue('Drama', ['Comedy'])).toEqual(['Drama']);
    expect(attributeValue('1984', 'a text')).toBe('1984');
  });

  it('guesses where the attribute is new', () => {
    expect(attributeValue('1984')).toBe(1984);
    expect(attributeValue('true')).toBe(true);
    expect(attributeValue('Drama, War')).toEqual(['Drama', 'War']);
    expect(attributeValue('one text')).toBe('one text');
  });
});

describe('attributesOf', () => {
  it('leaves out rows without a name or a value', () => {
    const rows = [
      { key: 'year', text: '1999', known: true },
      { key: 'class', text: ' ', known: true },
      { key: '', text: 'lost', known: false },
    ];
    expect(attributesOf(rows)).toEqual({ year: 1999 });
  });
});

describe('idFor', () => {
  it('keeps letters of any script and joins words by hyphens', () => {
    expect(idFor('Amélie: Le Fabuleux Destin!')).toBe('amelie-le-fabuleux-destin');
    expect(idFor('七人の侍')).toBe('七人の侍');
    expect(idFor('  ?!  ')).toBe('');
  });
});
