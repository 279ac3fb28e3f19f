// What the server says about itself, shared by all screens.
import { api } from './api';
import type { ReleaseRow, ServerFacts } from './types';

class ServerState {
  facts = $state.raw<ServerFacts | null>(null);
  releases = $state.raw<ReleaseRow[] | null>(null);
  reachable = $state(true);

  get live(): string {
    return this.releases?.find((release) => release.live)?.name ?? this.facts?.release ?? '';
  }

  async refresh() {
    const [facts, releases] = await Promise.allSettled([api.server(), api.releases()]);
    if (facts.status === 'fulfilled') this.facts = facts.value;
    if (releases.status === 'fulfilled') this.releases = releases.value;
    this.reachable = facts.status === 'fulfilled' || releases.status === 'fulfilled';
  }
}

export const server = new ServerState();
