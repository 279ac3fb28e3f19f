import type { Attributes, AttributeValue } from './types';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function count(value: number): string {
  return whole.format(value);
}

export function compact(value: number): string {
  return value < 10_000 ? whole.format(value) : short.format(value);
}

/** "1 event", "2 events". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A measured number: enough digits to compare, never scientific. */
export function decimal(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  return value.toFixed(digits).replace('-', '−');
}

export function signed(value: number, digits = 3): string {
  return (value > 0 ? '+' : '') + decimal(value, digits);
}

export function percent(value: number, digits = 0): string {
  return `${(value * 100).toFixed(digits)} %`;
}

export function milliseconds(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return 'under 1 s';
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Small positions stand in for time where a data set has none; they are not dates. */
const kFirstPlausibleMs = Date.UTC(1980, 0, 1);

export function date(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < kFirstPlausibleMs) return `position ${whole.format(ms)}`;
  return new Date(ms).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

export function dateTime(ms: number | null): string {
  if (ms === null || ms < kFirstPlausibleMs) return date(ms);
  const at = new Date(ms);
  return `${date(ms)}, ${at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}`;
}

/** "just now", "5 min ago", and the date for anything older than a day. */
export function ago(ms: number | null, now = Date.now()): string {
  if (ms === null || ms < kFirstPlausibleMs) return date(ms);
  const seconds = (now - ms) / 1000;
  if (seconds < 0 || seconds >= 86_400) return date(ms);
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

export function attributeText(value: AttributeValue): string {
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return String(value);
}

/** snake_case key as words: "release_year" reads "release year". */
export function words(key: string): string {
  return key.replace(/[_-]+/g, ' ').trim();
}

const kBriefLength = 56;

/** The attributes worth a line under a title: numbers first, then short texts; long texts are left out. */
export function brief(attributes: Attributes, most = 3): string[] {
  const found: { weight: number; value: string }[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    const shown = attributeText(value);
    if (!shown || shown.length > kBriefLength || /(^|_)(url|image|zip|hash)/i.test(key)) continue;
    const weight = /year|date/i.test(key) ? 0 : Array.isArray(value) ? 1 : typeof value === 'string' ? 2 : 3;
    found.push({ weight, value: typeof value === 'boolean' ? `${words(key)}: ${shown}` : shown });
  }
  return found
    .sort((a, b) => a.weight - b.weight)
    .slice(0, most)
    .map((entry) => entry.value);
}
