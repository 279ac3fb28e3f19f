// What the console works with. `api.ts` makes these from the server's answers and from nothing else.

export type AttributeValue = number | boolean | string | string[];
export type Attributes = Record<string, AttributeValue>;

export interface Person {
  id: string;
  attributes: Attributes;
  events: number | null;
}

export interface PersonEvent {
  item: string;
  title: string;
  type: string;
  value: number | null;
  timeMs: number | null;
}

export interface ItemBrief {
  id: string;
  title: string;
  attributes: Attributes;
  available: boolean;
  createdMs: number | null;
}

export interface Neighbour {
  id: string;
  title: string;
  semanticId: number[];
  sharedPrefix: number;
  similarity: number;
}

export interface ItemCard {
  item: ItemBrief;
  semanticId: number[];
  events: number;
  neighbours: Neighbour[];
}

export interface IdExample {
  id: string;
  title: string;
  events: number;
}

/** What sets a group apart: the share of its items that have it, and of their siblings. */
export interface IdTerm {
  /** Empty: a word of the title. */
  attribute: string;
  value: string;
  share: number;
  shareOutside: number;
}

/** The items whose semantic IDs begin with `prefix`. */
export interface IdNode {
  prefix: number[];
  name: string;
  items: number;
  share: number;
  terms: IdTerm[];
  examples: IdExample[];
}

/** One opened node of the tree of semantic IDs. */
export interface IdBranch {
  release: string;
  /** Codes of a whole ID. */
  levels: number;
  path: IdNode[];
  children: IdNode[];
  /** Of a whole ID. */
  items: IdExample[];
  /** Children, or items of a whole ID, that there are. */
  below: number;
}

export interface Evidence {
  kind: string;
  id: string;
  text: string;
}

export interface Reason {
  type: string;
  weight: number;
  evidence: Evidence[];
}

export interface RankedItem {
  id: string;
  title: string;
  score: number;
  rank: number;
  fields: Attributes;
  semanticId: number[];
  sources: string[];
  features: Record<string, number>;
  reasons: Reason[];
  explanation: string;
}

export interface Degraded {
  part: string;
  why: string;
}

export interface Recommendation {
  items: RankedItem[];
  task: string;
  release: string;
  filter: string;
  includeSeen: boolean | null;
  degraded: Degraded[];
  ignored: string[];
  notes: string[];
  timings: Record<string, number>;
  /** Server's own total where it says one, else the round trip. */
  totalMs: number;
}

export interface SessionItem {
  item: string;
  title: string;
}

/** Who and what a list is for, and its rules. */
export interface ListContext {
  user?: string;
  session?: { item: string; type?: string }[];
  query?: string;
  similar_to?: string[];
  filter?: string;
  exclude?: string[];
  include_seen?: boolean;
  diversity?: number;
}

export interface RecommendRequest extends ListContext {
  n?: number;
  explain?: 'none' | 'reasons' | 'short';
  /** Inputs of the ranker with each item. */
  debug?: boolean;
}

export interface NewEvent {
  user: string;
  item: string;
  type: string;
  value?: number;
}

export interface Page<T> {
  rows: T[];
  /** More may match than are here. */
  more: boolean;
}

export interface ReleaseRow {
  name: string;
  live: boolean;
  createdMs: number | null;
}

export interface Epoch {
  epoch: number;
  loss: number | null;
  validNdcg: number | null;
}

export interface Interval {
  value: number;
  low: number | null;
  high: number | null;
}

export interface EvaluationResult {
  model: string;
  seen: string;
  ties: string;
  users: number | null;
  metrics: Record<string, Interval>;
}

/** One model against one baseline on the same users. */
export interface Comparison {
  model: string;
  baseline: string;
  metric: string;
  seen: string;
  ties: string;
  users: number | null;
  difference: number;
  low: number | null;
  high: number | null;
  beats: boolean;
}

/** One level of the semantic IDs; null where the release does not say. */
export interface LevelUse {
  /** Codes that there are. */
  codebook: number | null;
  used: number | null;
  entropyBits: number | null;
  /** Mean squared length left after this level. */
  error: number | null;
  /** Share of the content that the levels so far explain. */
  explained: number | null;
}

/** Mean cosine of two items that share their first `length` codes; length 0: any two items. */
export interface Coherence {
  length: number;
  pairs: number;
  cosine: number;
  low: number | null;
  high: number | null;
}

export interface IdReport {
  codebook: number | null;
  levels: LevelUse[];
  coherence: Coherence[];
  facts: [string, string][];
}

export interface ReleaseCard extends ReleaseRow {
  epochs: Epoch[];
  bestEpoch: number | null;
  /** How far the generator is from the dense head, in nats, on validation users. */
  generator: { epoch: number; divergence: number | null }[];
  training: [string, string][];
  model: [string, string][];
  data: [string, string][];
  protocol: [string, string][];
  results: EvaluationResult[];
  comparisons: Comparison[];
  notes: string[];
  ids: IdReport | null;
}

export interface Task {
  id: string;
  kind: string;
  state: string;
  progress: number | null;
  etaSeconds: number | null;
  message: string;
  startedMs: number | null;
  finishedMs: number | null;
}

export interface CatalogueFacts {
  release: string;
  items: number;
  users: number;
  events: number;
  /** Kinds of event that are known, with or without use. */
  eventTypes: string[];
}
