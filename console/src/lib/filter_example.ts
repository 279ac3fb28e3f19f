// A filter expression that fits the catalogue at hand, made from the attributes of one of its items.
import type { Attributes } from './types';

const kLongestValue = 40;

function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

export function filterExample(attributes: Attributes): string {
  const lists: string[] = [];
  const numbers: string[] = [];
  const texts: string[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const name = /^[A-Za-z_][\w.-]*$/.test(key) ? key : `\`${key}\``;
    if (Array.isArray(value) && value[0]) lists.push(`${name} IN (${quoted(value[0])})`);
    else if (typeof value === 'number') numbers.push(`${name} >= ${value}`);
    else if (typeof value === 'string' && value && value.length <= kLongestValue) texts.push(`${name} = ${quoted(value)}`);
  }
  return [lists[0], numbers[0], lists.length ? undefined : texts[0]].filter(Boolean).slice(0, 2).join(' AND ') || 'title CONTAINS "a"';
}
