// From the rows of the new-item form to what the server takes.
import type { Attributes, AttributeValue } from './types';

export interface AttributeRow {
  key: string;
  text: string;
  /** The catalogue uses this attribute already: its name is not for editing. */
  known: boolean;
}

/** Comma-separated texts become a list, numbers become numbers; where `like` shows the type, it decides. */
export function attributeValue(text: string, like?: AttributeValue): AttributeValue {
  const trimmed = text.trim();
  const parts = trimmed.split(',').map((part) => part.trim()).filter(Boolean);
  if (Array.isArray(like)) return parts;
  if (typeof like === 'string') return trimmed;
  if (/^-?\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  if (trimmed === 'true' || trimmed === 'false') return trimmed === 'true';
  return parts.length > 1 ? parts : trimmed;
}

export function attributesOf(rows: readonly AttributeRow[], like: Attributes = {}): Attributes {
  const filled = rows.filter((row) => row.key.trim() && row.text.trim());
  return Object.fromEntries(filled.map((row) => [row.key.trim(), attributeValue(row.text, like[row.key.trim()])]));
}

const kLongestSlug = 48;

/** An id a person would choose: "Blade Runner 2049" gives "blade-runner-2049". */
export function idFor(title: string): string {
  return title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .slice(0, kLongestSlug)
    .replace(/^-+|-+$/g, '');
}
