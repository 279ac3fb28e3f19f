import { describe, expect, it } from 'vitest';
import { ago, brief, date, decimal, duration, signed } from './format';

describe('brief', () => {
  it('puts the year first, then lists, and leaves out long texts and addresses', () => {
    const attributes = { class: ['Drama', 'War'], release_year: 1994, plot: 'x'.repeat(80), image_url: 'http://h/i.png', maker: 'Acme' };
    expect(brief(attributes)).toEqual(['1994', 'Drama, War', 'Acme']);
  });

  it('names flags, which mean nothing without their key', () => {
    expect(brief({ in_stock: true })).toEqual(['in stock: yes']);
  });
});

describe('times', () => {
  it('does not make a date of a position', () => {
    expect(date(42)).toBe('position 42');
  });

  it('is relative within a day and a date beyond', () => {
    const now = Date.UTC(2026, 6, 22, 12);
    expect(ago(now - 5_000, now)).toBe('just now');
    expect(ago(now - 300_000, now)).toBe('5 min ago');
    expect(ago(now - 3 * 86_400_000, now)).toBe('19 Jul 2026');
  });

  it('says how long is left in the largest fitting units', () => {
    expect([duration(0.2), duration(59), duration(84), duration(7260)]).toEqual(['under 1 s', '59 s', '1 min 24 s', '2 h 1 min']);
  });
});

describe('numbers', () => {
  it('never shows NaN and uses a real minus sign', () => {
    expect(decimal(Number.NaN)).toBe('–');
    expect(signed(-0.5, 1)).toBe('−0.5');
    expect(signed(0.5, 1)).toBe('+0.5');
  });
});
