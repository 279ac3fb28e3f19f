// The penchant server's HTTP API, read into the types of `types.ts`. Fields the server leaves out
// become empty or null here, so that screens never meet `undefined`.
import { array, flag, moment, number, object, pick, text, type Json, type JsonObject } from './json';
import { readCard, readIdReport, readReleaseRow } from './release';
import type {
  Attributes,
  CatalogueFacts,
  Evidence,
  IdBranch,
  IdExample,
  IdNode,
  IdReport,
  ItemBrief,
  ItemCard,
  NewEvent,
  Page,
  Person,
  PersonEvent,
  RankedItem,
  Reason,
  Recommendation,
  ListContext,
  RecommendRequest,
  ReleaseCard,
  ReleaseRow,
  Task,
} from './types';

/** A request the server refused or that never reached it; the message is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Where the request is wrong: a JSON pointer into it ("/filter"), or empty. */
    readonly field: string = '',
    /** What to do, or empty. */
    readonly hint: string = '',
  ) {
    super(message);
  }

  /** Why the whole server cannot help now, or null when only this request failed. */
  get outage(): 'silent' | 'loading' | 'locked' | null {
    if (this.status === 0) return 'silent';
    if (this.status === 401) return 'locked';
    return this.status === 503 ? 'loading' : null;
  }
}

function refusal(status: number, body: JsonObject): ApiError {
  const error = object(body.error);
  const message = text(error.message) || `The server answered ${status} without a message.`;
  return new ApiError(status, text(error.code), message, text(error.field), text(error.hint));
}

const kKeyStore = 'penchant.key';

/** API key of this browser tab; empty where the server asks for none. */
export function apiKey(): string {
  return window.sessionStorage.getItem(kKeyStore) ?? '';
}

export function useApiKey(key: string): void {
  window.sessionStorage.setItem(kKeyStore, key);
}

export function headers(withBody: boolean): Record<string, string> {
  const key = apiKey();
  return {
    ...(withBody ? { 'content-type': 'application/json' } : {}),
    ...(key ? { authorization: `Bearer ${key}` } : {}),
  };
}

async function call(method: string, path: string, body?: unknown): Promise<Json> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: headers(body !== undefined),
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, 'unreachable', 'The server does not answer. Start it with "penchant serve", then try again.');
  }
  let parsed: Json = null;
  const raw = await response.text();
  if (raw) {
    try {
      parsed = JSON.parse(raw) as Json;
    } catch {
      if (response.ok) throw new ApiError(response.status, 'not_json', `${path} did not answer with JSON.`);
    }
  }
  if (!response.ok) throw refusal(response.status, object(parsed));
  return parsed;
}

const get = (path: string) => call('GET', path);
const part = encodeURIComponent;

function query(path: string, parameters: Record<string, string | number>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  return given.length ? `${path}?${search}` : path;
}

export function readAttributes(value: Json | undefined): Attributes {
  const result: Attributes = {};
  for (const [key, entry] of Object.entries(object(value))) {
    if (Array.isArray(entry)) result[key] = entry.map((one) => text(one)).filter(Boolean);
    else if (typeof entry === 'number' || typeof entry === 'boolean' || typeof entry === 'string') result[key] = entry;
  }
  return result;
}

function rows<T>(body: Json, key: string, read: (row: JsonObject) => T): Page<T> {
  const whole = object(body);
  return { rows: array(whole[key]).map((row) => read(object(row))), more: flag(whole.truncated) };
}

function readPerson(row: JsonObject): Person {
  return {
    id: text(row.id),
    attributes: readAttributes(row.attributes),
    events: number(row.events),
  };
}

function readEvent(row: JsonObject): PersonEvent {
  const item = text(row.item);
  return {
    item,
    title: text(row.title) || item,
    type: text(row.type, 'event'),
    value: number(row.value),
    timeMs: moment(pick(row, 'time_ms', 'time')),
  };
}

function readItem(row: JsonObject): ItemBrief {
  const id = text(row.id);
  return {
    id,
    title: text(row.title) || id,
    attributes: readAttributes(row.attributes),
    available: row.available !== false,
    createdMs: moment(row.created),
  };
}

const codes = (value: Json | undefined) => array(value).flatMap((code) => number(code) ?? []);

function readIdExample(row: JsonObject): IdExample {
  const id = text(row.id);
  return { id, title: text(row.title) || id, events: number(row.events) ?? 0 };
}

function readIdNode(row: JsonObject): IdNode {
  return {
    prefix: codes(row.prefix),
    name: text(row.name),
    items: number(row.items) ?? 0,
    share: number(row.share) ?? 0,
    terms: array(row.terms).map((entry) => {
      const term = object(entry);
      return {
        attribute: text(term.attribute),
        value: text(term.value),
        share: number(term.share) ?? 0,
        shareOutside: number(term.share_outside) ?? 0,
      };
    }),
    examples: array(row.examples).map((entry) => readIdExample(object(entry))),
  };
}

function readReason(row: JsonObject): Reason {
  const evidence = array(row.evidence).map((entry): Evidence => {
    const from = object(entry);
    return { kind: text(from.kind), id: text(from.id), text: text(from.text) || text(from.id) };
  });
  return { type: text(row.type), weight: number(row.weight) ?? 0, evidence };
}

function numbers(value: Json | undefined): Record<string, number> {
  const found = Object.entries(object(value)).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return Object.fromEntries(found);
}

function readRanked(row: JsonObject): RankedItem {
  const id = text(row.id);
  const { title, ...fields } = readAttributes(row.fields);
  return {
    id,
    title: (typeof title === 'string' && title) || id,
    score: number(row.score) ?? 0,
    rank: number(row.rank) ?? 0,
    fields,
    semanticId: codes(row.semantic_id),
    sources: array(row.sources).map((source) => text(source)),
    features: numbers(row.features),
    reasons: array(row.reasons).map((reason) => readReason(object(reason))),
    explanation: text(row.explanation),
  };
}

function readTask(row: JsonObject): Task {
  const progress = object(row.progress);
  const done = number(progress.done);
  const total = number(progress.total);
  const step = [text(progress.step), text(progress.detail)].filter(Boolean).join(': ');
  return {
    id: text(row.id),
    kind: text(row.kind, 'task'),
    state: text(row.state, 'unknown'),
    progress: done !== null && total ? Math.min(1, done / total) : null,
    etaSeconds: number(progress.eta_s),
    message: text(object(row.error).message) || step,
    startedMs: moment(pick(row, 'started', 'created')),
    finishedMs: moment(row.finished),
  };
}

export const api = {
  async people(search: string, limit = 20): Promise<Page<Person>> {
    return rows(await get(query('/v1/users', { query: search, limit })), 'users', readPerson);
  },

  async person(id: string): Promise<Person> {
    return readPerson(object(await get(`/v1/users/${part(id)}`)));
  },

  async personEvents(id: string, limit = 100): Promise<Page<PersonEvent>> {
    const page = rows(await get(query(`/v1/users/${part(id)}/events`, { limit })), 'events', readEvent);
    const first = page.rows[0]?.timeMs ?? 0;
    const last = page.rows.at(-1)?.timeMs ?? 0;
    if (first < last) page.rows.reverse(); // newest first, whatever the server's order
    return page;
  },

  async items(search: string, limit = 20): Promise<Page<ItemBrief>> {
    return rows(await get(query('/v1/items', { query: search, limit })), 'items', readItem);
  },

  async putItem(id: string, item: { title: string; attributes: Attributes }): Promise<void> {
    await call('PUT', `/v1/items/${part(id)}`, item);
  },

  async itemCard(id: string): Promise<ItemCard> {
    const body = object(await get(`/v1/items/${part(id)}/card`));
    const neighbours = array(body.neighbours).map((entry) => {
      const row = object(entry);
      return {
        id: text(row.id),
        title: text(row.title) || text(row.id),
        semanticId: codes(row.semantic_id),
        sharedPrefix: number(row.shared_prefix) ?? 0,
        similarity: number(row.similarity) ?? 0,
      };
    });
    return {
      item: readItem(object(body.item)),
      semanticId: codes(body.semantic_id),
      events: number(body.events) ?? 0,
      neighbours,
    };
  },

  /** One level of the tree of semantic IDs, from `offset` on. */
  async idBranch(prefix: readonly number[], offset = 0): Promise<IdBranch> {
    const body = object(await get(query('/v1/semantic-ids', { prefix: prefix.join(','), offset: offset || '' })));
    return {
      release: text(body.release),
      levels: number(body.levels) ?? 0,
      path: array(body.path).map((entry) => readIdNode(object(entry))),
      children: array(body.children).map((entry) => readIdNode(object(entry))),
      items: array(body.items).map((entry) => readIdExample(object(entry))),
      below: number(body.below) ?? 0,
    };
  },

  async recommend(request: RecommendRequest): Promise<Recommendation> {
    const began = performance.now();
    const body = object(await call('POST', '/v1/recommend', request));
    const applied = object(body.applied);
    const timings = numbers(body.timings);
    return {
      items: array(body.items).map((row, index) => {
        const item = readRanked(object(row));
        return { ...item, rank: item.rank || index + 1 };
      }),
      task: text(applied.task),
      release: text(applied.release),
      filter: text(applied.filter),
      includeSeen: typeof applied.include_seen === 'boolean' ? applied.include_seen : null,
      degraded: array(body.degraded).map((row) => ({ part: text(object(row).part), why: text(object(row).why) })),
      ignored: array(body.ignored).map((entry) => text(entry)),
      notes: array(body.notes).map((entry) => text(entry)),
      timings,
      totalMs: timings.total ?? performance.now() - began,
    };
  },

  /** Reasons and score of one item in the context of `request`. */
  async explain(request: ListContext, item: string): Promise<RankedItem> {
    const body = object(await call('POST', '/v1/explain', { ...request, item }));
    return readRanked(object(body.item));
  },

  async addEvent(event: NewEvent): Promise<void> {
    await call('POST', '/v1/events', event);
  },

  async releases(): Promise<ReleaseRow[]> {
    const found = rows(await get('/admin/v1/models'), 'releases', readReleaseRow).rows;
    return found.sort((a, b) => (b.createdMs ?? 0) - (a.createdMs ?? 0));
  },

  async release(name: string): Promise<ReleaseCard> {
    return readCard(name, object(await get(`/admin/v1/models/${part(name)}`)));
  },

  async promote(name: string): Promise<void> {
    await call('POST', `/admin/v1/models/${part(name)}:promote`, {});
  },

  async idReport(): Promise<IdReport | null> {
    return readIdReport(object(object(await get('/admin/v1/semantic-ids/report')).report));
  },

  async tasks(): Promise<Task[]> {
    return rows(await get('/v1/tasks'), 'tasks', readTask).rows;
  },

  async version(): Promise<string> {
    return text(object(await get('/version')).version);
  },

  async describe(): Promise<CatalogueFacts> {
    const body = object(await get('/admin/v1/describe'));
    return {
      release: text(body.release),
      items: number(body.items) ?? 0,
      users: number(body.users) ?? 0,
      events: number(body.events) ?? 0,
      eventTypes: array(body.event_types).map((row) => text(object(row).name)).filter(Boolean),
    };
  },
};

/** Whether an answer says "there is no such thing" rather than "something broke". */
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

