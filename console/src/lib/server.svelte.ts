// What the server says about itself, shared by all screens.
import { api } from './api';
import type { CatalogueFacts, ReleaseRow } from './types';

class ServerState {
  version = $state('');
  facts = $state.raw<CatalogueFacts | null>(null);
  releases = $state.raw<ReleaseRow[] | null>(null);
  reachable = $state(true);

  get live(): string {
    return this.releases?.find((release) => release.live)?.name ?? this.facts?.release ?? '';
  }

  async refresh() {
    const [version, facts, releases] = await Promise.allSettled([api.version(), api.describe(), api.releases()]);
    if (version.status === 'fulfilled') this.version = version.value;
    if (facts.status === 'fulfilled') this.facts = facts.value;
    if (releases.status === 'fulfilled') this.releases = releases.value;
    this.reachable = [version, facts, releases].some((answer) => answer.status === 'fulfilled');
  }
}

export const server = new ServerState();
