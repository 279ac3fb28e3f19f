// Reading of JSON that came over the wire: every value is checked before it gets a type.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export function object(value: Json | undefined): JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

export function array(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: Json | undefined, otherwise = ''): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : otherwise;
}

export function number(value: Json | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function flag(value: Json | undefined): boolean {
  return value === true;
}

/** First of `keys` that is there and not null. */
export function pick(from: JsonObject, ...keys: string[]): Json | undefined {
  for (const key of keys) {
    const value = from[key];
    if (value !== undefined && value !== null) return value;
  }
  return undefined;
}

/** Milliseconds since 1970 from a number of milliseconds or an ISO 8601 text; null when unknown. */
export function moment(value: Json | undefined): number | null {
  if (typeof value === 'number' && value > 0) return value;
  if (typeof value !== 'string') return null;
  const parsed = Date.parse(value);
  return Number.isNaN(parsed) ? null : parsed;
}
