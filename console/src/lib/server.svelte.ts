// What the server says about itself, shared by all screens.
import { api, ApiError, message } from './api';
import type { CatalogueFacts, ReleaseRow } from './types';

export type ServerCondition = 'ready' | 'loading' | 'locked' | 'silent';

class ServerState {
  version = $state('');
  facts = $state.raw<CatalogueFacts | null>(null);
  releases = $state.raw<ReleaseRow[] | null>(null);
  condition = $state<ServerCondition>('ready');
  /** The server's own words while it is not ready. */
  reason = $state('');
  /** Grows when the server answers again after it did not: screens start afresh. */
  generation = $state(0);

  get live(): string {
    return this.releases?.find((release) => release.live)?.name ?? this.facts?.release ?? '';
  }

  /** `all`: also the list of releases, which is otherwise asked for only when the live one changed. */
  async refresh(all = false) {
    try {
      const facts = await api.describe();
      const changed = !this.releases || facts.release !== this.facts?.release;
      this.facts = facts;
      if (all || changed) this.releases = await api.releases();
      if (!this.version) this.version = await api.version();
      if (this.condition !== 'ready') this.generation += 1;
      this.condition = 'ready';
      this.reason = '';
    } catch (error) {
      this.condition = (error instanceof ApiError && error.outage) || 'ready';
      this.reason = message(error);
    }
  }
}

export const server = new ServerState();
