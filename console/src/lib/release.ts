// Reading of release cards (`card.json`) and semantic-ID reports.
import { array, flag, moment, number, object, pick, text, type Json, type JsonObject } from './json';
import { count, dateTime, decimal, duration, percent, words } from './format';
import type { Comparison, Epoch, EvaluationResult, IdReport, Interval, LevelUse, ReleaseCard, ReleaseRow } from './types';

export function readReleaseRow(row: JsonObject): ReleaseRow {
  return { name: text(row.name), live: flag(row.live), createdMs: moment(row.created) };
}

/** Key and value of every plain entry, as a person reads them; nested objects are flattened one level. */
export function facts(from: JsonObject, leaveOut: readonly string[] = []): [string, string][] {
  const result: [string, string][] = [];
  for (const [key, value] of Object.entries(from)) {
    if (leaveOut.includes(key) || value === null) continue;
    if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [inner, one] of facts(value)) result.push([`${words(key)}: ${inner}`, one]);
      continue;
    }
    const shown = fact(key, value);
    if (shown) result.push([words(key.replace(/_(ms|s|seconds|bytes)$/, '')), shown]);
  }
  return result;
}

function fact(key: string, value: Json): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const plain = value.filter((one) => typeof one !== 'object').map((one) => text(one));
    return plain.length && plain.length <= 12 ? plain.join(', ') : '';
  }
  if (typeof value !== 'number') return '';
  if (/_ms$/.test(key) && value > 1e11) return dateTime(value);
  if (/(^|_)(s|seconds)$/.test(key)) return duration(value);
  if (/seed|year/.test(key)) return String(value);
  return Number.isInteger(value) ? count(value) : decimal(value, Math.abs(value) < 0.01 ? 5 : 3);
}

function readEpoch(row: JsonObject, index: number): Epoch {
  return {
    epoch: number(row.epoch) ?? index + 1,
    loss: number(pick(row, 'loss', 'train_loss')),
    validNdcg: number(pick(row, 'valid_ndcg10', 'valid_ndcg@10', 'valid_ndcg')),
  };
}

function readInterval(value: Json | undefined): Interval | null {
  if (typeof value === 'number') return { value, low: null, high: null };
  const from = object(value);
  const centre = number(from.value);
  return centre === null ? null : { value: centre, low: number(from.low), high: number(from.high) };
}

function readResult(row: JsonObject): EvaluationResult {
  const metrics: Record<string, Interval> = {};
  for (const [name, value] of Object.entries(object(row.metrics))) {
    const interval = readInterval(value);
    if (interval) metrics[name.toLowerCase()] = interval;
  }
  return { model: text(row.model), seen: text(row.seen), ties: text(row.ties), users: number(row.users), metrics };
}

function readComparison(row: JsonObject): Comparison {
  return {
    model: text(row.model),
    baseline: text(row.baseline),
    metric: text(row.metric).toLowerCase(),
    seen: text(row.seen),
    ties: text(row.ties),
    users: number(row.users),
    difference: number(row.difference) ?? 0,
    low: number(row.low),
    high: number(row.high),
    beats: flag(row.beats),
  };
}

function readLevel(row: JsonObject): LevelUse {
  return {
    codebook: number(row.codebook),
    used: number(row.used),
    entropyBits: number(row.entropy_bits),
    error: number(row.error),
    explained: number(row.explained),
  };
}

/** Fields of a report that are a number of items, in reading order, and how a person calls them. */
const kIdFacts: [string, string][] = [
  ['distinct', 'different IDs'],
  ['shared', 'items that share an ID'],
  ['shared_before', 'before the collision policy'],
  ['moved', 'items moved by it'],
  ['largest_id', 'items of the most crowded ID'],
  ['without_content', 'items without content'],
];

export function readIdReport(from: JsonObject): IdReport | null {
  if (!Object.keys(from).length) return null;
  // The trainer's own short form counts the levels and lists only what each leaves unexplained.
  const levels = Array.isArray(from.levels)
    ? from.levels.map((row) => readLevel(object(row)))
    : array(from.level_error).map((error) => ({ codebook: null, used: null, entropyBits: null, error: number(error), explained: null }));
  const coherence = array(from.coherence).map((entry) => {
    const row = object(entry);
    return { length: number(row.length) ?? 0, pairs: number(row.pairs) ?? 0, cosine: number(row.cosine) ?? 0, low: number(row.low), high: number(row.high) };
  });
  const unique = number(from.unique_share);
  return {
    codebook: number(from.codebook),
    levels,
    coherence: coherence.filter((entry) => entry.pairs > 0),
    facts: [
      ...(unique === null ? [] : [['items with an ID of their own', percent(unique, 1)] as [string, string]]),
      ...(text(from.collisions) ? [['collision policy', text(from.collisions)] as [string, string]] : []),
      ...kIdFacts.flatMap(([key, name]): [string, string][] => {
        const value = number(from[key]);
        return value === null ? [] : [[name, count(value)]];
      }),
    ],
  };
}

export function readCard(name: string, body: JsonObject): ReleaseCard {
  const card = object(pick(body, 'card') ?? body);
  const manifest = object(body.manifest);
  const training = object(card.training);
  const evaluation = object(card.evaluation);
  const ids = object(card.semantic_ids);
  return {
    ...readReleaseRow({ ...body, name: text(body.name) || name }),
    epochs: array(training.epochs).map((row, index) => readEpoch(object(row), index)),
    bestEpoch: number(training.best_epoch),
    generator: array(training.generator).map((row) => ({ epoch: number(object(row).epoch) ?? 0, divergence: number(object(row).valid_loss) })),
    training: facts(training, ['epochs', 'generator', 'notes']),
    model: facts(object(pick(manifest, 'model') ?? body.model), ['name', 'kind']),
    data: facts(object(card.data)),
    protocol: facts(object(evaluation.protocol)),
    results: array(evaluation.results).map((row) => readResult(object(row))),
    comparisons: array(evaluation.comparisons).map((row) => readComparison(object(row))),
    notes: [...array(training.notes), ...array(evaluation.notes)].map((note) => text(note)),
    ids: Object.keys(ids).length ? readIdReport(ids) : null,
  };
}

/** Metric names over all results, in reading order: NDCG, recall, MRR, then the rest; short cuts first. */
export function metricNames(results: EvaluationResult[]): string[] {
  const names = new Set(results.flatMap((result) => Object.keys(result.metrics)));
  const order = ['ndcg', 'recall', 'hit', 'mrr'];
  const place = (name: string) => {
    const found = order.findIndex((prefix) => name.startsWith(prefix));
    const cut = Number(name.split('@')[1] ?? 0);
    return (cut === 10 || cut === 0 ? 0 : 100) + (found < 0 ? 50 : found);
  };
  return [...names].sort((a, b) => place(a) - place(b) || a.localeCompare(b, 'en', { numeric: true }));
}

export function metricLabel(name: string): string {
  return name.replace(/^(ndcg|mrr)/, (found) => found.toUpperCase()).replace(/^[a-z]/, (letter) => letter.toUpperCase());
}

/** Names that `penchant eval` gives to the model and to the parts it is made of; the rest are baselines. */
const kOurs = /^(penchant|dense|generator)/i;

export function isBaseline(model: string): boolean {
  return !kOurs.test(model);
}
