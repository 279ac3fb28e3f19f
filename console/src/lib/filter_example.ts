// A filter expression that fits the catalogue at hand, made from the attributes of one of its items.
import type { Attributes } from './types';

export function filterExample(attributes: Attributes): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const name = /^[A-Za-z_]\w*$/.test(key) ? key : `"${key}"`;
    if (Array.isArray(value) && value[0]) parts.unshift(`${name} IN ("${value[0]}")`);
    else if (typeof value === 'number') parts.push(`${name} >= ${value}`);
  }
  return parts.slice(0, 2).join(' AND ') || 'genre IN ("comedy") AND year >= 2010';
}
