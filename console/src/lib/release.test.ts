import { describe, expect, it } from 'vitest';
import { facts, isBaseline, metricNames, readCard, readIdReport } from './release';

describe('readCard', () => {
  it('reads epochs, results and comparisons of a card', () => {
    const card = readCard('r1', {
      name: 'r1',
      live: true,
      card: {
        training: { best_epoch: 2, epochs: [{ epoch: 1, loss: 3, valid_ndcg10: 0.1 }, { epoch: 2, loss: 2, valid_ndcg10: 0.2 }] },
        evaluation: {
          results: [{ model: 'penchant', seen: 'removed', ties: 'given', users: 9, metrics: { 'ndcg@10': { value: 0.2, low: 0.1, high: 0.3 } } }],
          comparisons: [{ model: 'penchant', baseline: 'popularity', metric: 'ndcg@10', seen: 'removed', ties: 'given', difference: 0.1, low: 0.05, high: 0.15, beats: true }],
        },
      },
    });
    expect(card.epochs.map((epoch) => epoch.validNdcg)).toEqual([0.1, 0.2]);
    expect(card.bestEpoch).toBe(2);
    expect(card.results[0]?.metrics['ndcg@10']).toEqual({ value: 0.2, low: 0.1, high: 0.3 });
    expect(card.comparisons[0]?.beats).toBe(true);
  });

  it('stands a release without a card', () => {
    const card = readCard('r1', { name: 'r1', live: false, manifest: null, card: null });
    expect(card.epochs).toEqual([]);
    expect(card.ids).toBeNull();
  });
});

describe('readIdReport', () => {
  it('is null where there is nothing', () => {
    expect(readIdReport({})).toBeNull();
  });

  it('reads use, coherence and collisions', () => {
    const report = readIdReport({
      codebook: 64,
      levels: [{ used: 61, entropy_bits: 5.4, error: 0.5, explained: 0.5 }],
      coherence: [{ length: 0, pairs: 9, cosine: 0.2, low: 0.1, high: 0.3 }, { length: 1, pairs: 0, cosine: 0, low: 0, high: 0 }],
      unique_share: 0.963,
      shared: 62,
    });
    expect(report?.levels[0]).toEqual({ codebook: null, used: 61, entropyBits: 5.4, error: 0.5, explained: 0.5 });
    expect(report?.coherence.map((entry) => entry.length)).toEqual([0]); // a length without pairs says nothing
    expect(report?.facts).toEqual([['items with an ID of their own', '96.3 %'], ['items that share an ID', '62']]);
  });

  it('reads the short form of the trainer', () => {
    const report = readIdReport({ levels: 2, codebook: 64, level_error: [0.6, 0.3], moved: 3 });
    expect(report?.levels.map((level) => level.error)).toEqual([0.6, 0.3]);
    expect(report?.facts).toEqual([['items moved by it', '3']]);
  });
});

describe('facts', () => {
  it('flattens one level and words units', () => {
    expect(facts({ items: 1682, seconds: 84, interval: { level: 0.95 }, nothing: null })).toEqual([
      ['items', '1,682'],
      ['seconds', '1 min 24 s'],
      ['interval: level', '0.950'],
    ]);
  });
});

describe('metrics', () => {
  it('orders NDCG first and cuts of 10 before others', () => {
    const metrics = { 'recall@10': { value: 0, low: 0, high: 0 }, 'ndcg@50': { value: 0, low: 0, high: 0 }, 'ndcg@10': { value: 0, low: 0, high: 0 } };
    expect(metricNames([{ model: 'm', seen: '', ties: '', users: 1, metrics }])).toEqual(['ndcg@10', 'recall@10', 'ndcg@50']);
  });

  it('counts the parts of the release as ours', () => {
    expect(['penchant', 'dense', 'generator', 'popularity', 'item-knn'].filter(isBaseline)).toEqual(['popularity', 'item-knn']);
  });
});
