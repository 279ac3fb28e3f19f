// Reading of release cards (`card.json`) and semantic-ID reports.
import { array, flag, moment, number, object, pick, text, type Json, type JsonObject } from './json';
import { count, dateTime, decimal, duration, words } from './format';
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
    denseLoss: number(row.dense_loss),
    codeLoss: number(row.code_loss),
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

function readLevel(row: JsonObject, index: number): LevelUse {
  return {
    level: number(row.level) ?? index,
    size: number(pick(row, 'size', 'codebook', 'codebook_size', 'codes')),
    used: number(pick(row, 'used', 'used_codes', 'codes_used')),
    entropyBits: number(pick(row, 'entropy_bits', 'entropy')),
  };
}

export function readIdReport(body: JsonObject): IdReport | null {
  const from = object(pick(body, 'report') ?? body);
  const codebook = number(pick(from, 'codebook', 'codebook_size'));
  const levels = array(pick(from, 'levels', 'per_level')).map((row, index) => {
    const level = readLevel(object(row), index);
    return { ...level, size: level.size ?? codebook };
  });
  const coherence = array(pick(from, 'prefix_coherence', 'coherence')).flatMap((entry, index) => {
    const row = object(entry);
    const value = number(entry) ?? number(pick(row, 'value', 'coherence', 'same_prefix', 'similarity', 'mean'));
    if (value === null) return [];
    return [
      { depth: number(pick(row, 'depth', 'prefix', 'length', 'level')) ?? index + 1, value, random: number(pick(row, 'random', 'random_pairs', 'baseline')) },
    ];
  });
  if (!levels.length && !Object.keys(from).length) return null;
  return { levels, coherence, facts: facts(from, ['levels', 'per_level', 'prefix_coherence', 'coherence', 'release']) };
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
    training: facts(training, ['epochs']),
    model: facts(object(pick(manifest, 'model') ?? body.model), ['name', 'kind']),
    data: facts(object(card.data)),
    protocol: facts(object(evaluation.protocol)),
    results: array(evaluation.results).map((row) => readResult(object(row))),
    comparisons: array(evaluation.comparisons).map((row) => readComparison(object(row))),
    notes: array(evaluation.notes).map((note) => text(note)),
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
