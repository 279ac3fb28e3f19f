// The journeys through the console, one function each. They need a running server with data: at
// least ten people with histories, items with titles, and a live release. Nothing is assumed about
// which data: names, ids and attributes are read from the server first.

/** Facts about the server's data that the journeys use. */
export async function lookAround(url) {
  const get = async (path) => {
    const response = await fetch(url + path);
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
    return response.json();
  };
  const users = (await get('/v1/users?query=&limit=20')).users;
  const items = (await get('/v1/items?query=&limit=20')).items;
  if (!users?.length || !items?.length) throw new Error('the server has no people or no items; import data first');
  const user = users.find((one) => (one.events ?? 1) > 0) ?? users[0];
  const item = items.find((one) => one.title) ?? items[0];
  const releases = (await get('/admin/v1/models')).releases ?? [];
  const live = releases.find((release) => release.live);
  return { user: String(user.id), item, attributes: item.attributes ?? {}, live: live?.name ?? '' };
}

function assert(condition, text) {
  if (!condition) throw new Error(text);
}

const kPatienceMs = 15_000;
const see = (page, selector, text) =>
  page.locator(selector, text === undefined ? {} : { hasText: text }).first().waitFor({ timeout: kPatienceMs });
const rows = (page) => page.locator('ol[aria-label="Recommended items"] > li');
const titles = (page) => rows(page).locator('h3').allTextContents();

async function openPerson(page, at, id = at.user, query = '') {
  await page.goto(`${at.url}/#/people/${encodeURIComponent(id)}${query}`);
  await rows(page).first().waitFor({ timeout: kPatienceMs });
}

/** Waits until the list has settled: no request in flight, no row moving. */
async function settled(page) {
  await page.waitForLoadState('networkidle');
  await page.waitForTimeout(550);
}

export const journeys = [
  {
    name: 'find a person',
    async run(page, at) {
      await page.goto(`${at.url}/#/`);
      await see(page, 'h1', 'Find a person');
      await see(page, 'tbody tr');
      await page.getByLabel('Find a person', { exact: true }).fill(at.user);
      await see(page, 'tbody a', at.user);
      await settled(page);
      await at.shot('people');
      await page.locator('tbody a', { hasText: new RegExp(`^${at.user}$`) }).first().click();
      await see(page, 'h1', at.user);
    },
  },
  {
    name: 'a search that finds nobody says so',
    async run(page, at) {
      await page.goto(`${at.url}/#/`);
      await page.getByLabel('Find a person', { exact: true }).fill('zzz-nobody-zzz');
      await see(page, '.blank', 'Nobody fits');
      await at.shot('people-none');
    },
  },
  {
    name: 'history and list with reasons side by side',
    async run(page, at) {
      await openPerson(page, at);
      assert((await rows(page).count()) === 10, `ten items wanted, ${await rows(page).count()} shown`);
      await see(page, 'ol[aria-label="History, newest first"] li');
      const times = await page.locator('ol[aria-label="History, newest first"] time').count();
      assert(times > 0, 'the history shows no times');
      const lines = (await rows(page).locator('.line').allTextContents()).filter((line) => line.trim());
      assert(lines.length > 0, 'no item has a one-line reason');
      if (at.live) assert((await rows(page).locator('.id').count()) > 0, 'no semantic ID is shown');
      await rows(page).first().locator('button[aria-label^="Why "]').click();
      await see(page, '.why li .weight');
      assert((await page.locator('.why li').first().textContent()).trim() !== '', 'an empty reason');
      await settled(page);
      await at.shot('person');
    },
  },
  {
    name: 'add an event and see the list move',
    async run(page, at) {
      const guest = `browser-test-${at.tag}-${Date.now()}`;
      await at.post('/v1/events', { user: guest, item: at.item.id, type: 'view' });
      await openPerson(page, at, guest);
      const before = await titles(page);
      const wanted = before[before.length - 1];
      await page.getByLabel('Item of the new event').fill(wanted);
      await see(page, '[role=option]', wanted);
      await page.locator('[role=option]', { hasText: wanted }).first().click();
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      await see(page, '.moved', 'After');
      await settled(page);
      const after = await titles(page);
      assert(before.join('|') !== after.join('|'), `the list did not move after “${wanted}”`);
      assert((await rows(page).locator('.badge').count()) > 0, 'no row carries a badge');
      await see(page, 'ol[aria-label="History, newest first"] li.fresh', wanted);
      await at.shot('moved');
    },
  },
  {
    name: 'rules: length, filter, diversity, not this',
    async run(page, at) {
      await openPerson(page, at);
      await page.getByLabel('Length of the list').selectOption('5');
      await page.waitForFunction(() => document.querySelectorAll('ol[aria-label="Recommended items"] > li').length === 5);
      const first = (await titles(page))[0];
      await rows(page).first().getByRole('button', { name: /^Not this/ }).click();
      await see(page, '.strip .tag', first);
      await settled(page);
      assert(!(await titles(page)).includes(first), `“${first}” was excluded and is still there`);
      await page.getByRole('button', { name: /Rules/ }).click();
      const example = await page.getByLabel('Filter', { exact: true }).getAttribute('placeholder');
      await page.getByLabel('Filter', { exact: true }).fill(example);
      await page.keyboard.press('Enter');
      await settled(page);
      assert(page.url().includes('filter='), 'the filter is not in the address');
      assert((await page.locator('.error').count()) === 0, `the suggested filter is refused: ${example}`);
      await page.getByRole('slider').fill('0.5');
      await settled(page);
      await at.shot('rules');
      at.expectFailures(1);
      await page.getByLabel('Filter', { exact: true }).fill(`${example} AND`);
      await page.keyboard.press('Enter');
      await see(page, '.more .error');
      assert((await page.locator('.more .error').textContent()).length > 20, 'the filter error explains nothing');
      await at.shot('filter-error');
    },
  },
  {
    name: 'an address with settings opens the same list',
    async run(page, at) {
      await openPerson(page, at, at.user, '?n=5&diversity=0.50');
      assert((await rows(page).count()) === 5, 'n of the address is ignored');
      assert((await page.getByRole('slider').inputValue()) === '0.5', 'diversity of the address is ignored');
    },
  },
  {
    name: 'search for a person through the same endpoint',
    async run(page, at) {
      await openPerson(page, at);
      const wanted = (await titles(page))[0];
      const word = wanted.split(/[^\p{L}\p{N}]+/u).sort((a, b) => b.length - a.length)[0];
      const asked = page.waitForRequest((request) => request.url().endsWith('/v1/recommend') && (request.postData() ?? '').includes('"query"'));
      await page.getByPlaceholder('Search with this person in mind').fill(word);
      await asked;
      await settled(page);
      await see(page, 'ol[aria-label="Recommended items"] h3', wanted);
      await at.shot('search');
    },
  },
  {
    name: 'a guest session',
    async run(page, at) {
      await page.goto(`${at.url}/#/guest`);
      await see(page, '.blank', 'An empty session');
      await page.getByLabel('Add an item to the session').fill(at.item.title);
      await see(page, '[role=option]', at.item.title);
      await page.locator('[role=option]', { hasText: at.item.title }).first().click();
      await rows(page).first().waitFor({ timeout: kPatienceMs });
      assert(page.url().includes('items='), 'the session is not in the address');
      await settled(page);
      await at.shot('guest');
    },
  },
  {
    name: 'search items and open one',
    async run(page, at) {
      await page.goto(`${at.url}/#/items`);
      await see(page, 'ul[aria-label="Items found"] li');
      await page.getByLabel('Search items').fill(at.item.title);
      await see(page, 'ul[aria-label="Items found"] .title', at.item.title);
      await settled(page);
      await at.shot('items');
      await page.locator('ul[aria-label="Items found"] a', { hasText: at.item.title }).first().click();
      await see(page, 'h1', at.item.title);
    },
  },
  {
    name: 'an item: attributes, semantic ID, neighbours, similar list, for a person',
    async run(page, at) {
      await page.goto(`${at.url}/#/items/${encodeURIComponent(at.item.id)}`);
      await see(page, 'h1', at.item.title);
      if (Object.keys(at.attributes).length) await see(page, 'section[aria-label="Attributes"] dd');
      if (at.live) {
        await see(page, 'section[aria-label="Semantic ID"] header .code');
        await see(page, 'section[aria-label="Semantic ID"] li a');
      }
      await see(page, 'section[aria-label="Similar items"] ol > li');
      await page.getByLabel('Person to explain this item for').fill(at.user);
      await see(page, '[role=option]', at.user);
      await page.locator('[role=option]').first().click();
      await see(page, 'section[aria-label="For a person"] .line b');
      await settled(page);
      await at.shot('item');
      const neighbour = page.locator('section[aria-label="Similar items"] h3 a').first();
      const next = await neighbour.textContent();
      await neighbour.click();
      await see(page, 'h1', next);
    },
  },
  {
    name: 'the tree of semantic IDs: from an item to its place, by keyboard, to a failing server',
    async run(page, at) {
      if (!at.live) return;
      await page.goto(`${at.url}/#/items/${encodeURIComponent(at.item.id)}`);
      await page.getByRole('link', { name: 'Show in the tree' }).click();
      await see(page, 'h1', 'Semantic IDs');
      const chosen = page.locator('[role=treeitem][aria-selected=true]');
      await chosen.filter({ hasText: at.item.title }).waitFor({ timeout: kPatienceMs });
      assert((await page.locator('[role=treeitem][aria-expanded=true]').count()) >= 2, 'the groups above the item are not open');
      await settled(page);
      await at.shot('ids-item');

      await page.goto(`${at.url}/#/ids`);
      await page.reload();
      const rows = page.locator('[role=treeitem]');
      await rows.first().waitFor({ timeout: kPatienceMs });
      const closed = await rows.count();
      await rows.first().focus();
      await page.keyboard.press('ArrowRight');
      await page.waitForFunction((count) => document.querySelectorAll('[role=treeitem]').length > count, closed);
      await see(page, '[role=treeitem][aria-level="2"]');
      await page.locator('[role=treeitem][aria-busy]').waitFor({ state: 'detached' });
      await page.keyboard.press('ArrowRight');
      assert((await chosen.getAttribute('aria-level')) === '2', 'the right arrow does not go down into an open group');
      await see(page, 'section[aria-label="Group"] h3', 'Most used items');
      await settled(page);
      await at.shot('ids');
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowLeft');
      assert((await rows.count()) === closed, 'the left arrow does not close the group');
      assert(page.url().includes('prefix='), 'the chosen group is not in the address');
      await page.keyboard.press('End');
      assert((await chosen.getAttribute('data-key')) === (await rows.last().getAttribute('data-key')), 'End does not go to the last row');

      await page.getByLabel('Find an item in the tree').fill(at.item.title);
      await page.locator('[role=option]', { hasText: at.item.title }).first().click();
      await chosen.filter({ hasText: at.item.title }).waitFor({ timeout: kPatienceMs });

      at.expectFailures(3);
      await page.route('**/v1/semantic-ids?prefix=*', (route) =>
        route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'something broke on purpose' } } }),
      );
      await page.goto(`${at.url}/#/ids`);
      await page.reload();
      await rows.first().waitFor({ timeout: kPatienceMs });
      await rows.first().click();
      await see(page, '[role=treeitem]', 'This level could not be read');
      await at.shot('ids-level-failed');
      await page.unroute('**/v1/semantic-ids?prefix=*');
      await rows.filter({ hasText: 'Try again' }).click();
      await see(page, '[role=treeitem][aria-level="2"][aria-posinset="2"], [role=treeitem][aria-level="2"][aria-setsize="1"]');
      await page.route('**/v1/semantic-ids', (route) =>
        route.fulfill({ status: 404, json: { error: { code: 'not_found', message: 'no release is live' } } }),
      );
      await page.reload();
      await see(page, '.blank', 'No semantic IDs yet');
      await page.unroute('**/v1/semantic-ids');
    },
  },
  {
    name: 'a new item with text only is recommendable',
    async run(page, at) {
      at.expectFailures(1); // the form asks whether the id is free: 404 means yes
      await page.goto(`${at.url}/#/new-item`);
      const title = `Browser test item ${at.tag} ${Date.now()}`;
      await page.getByLabel('Title').fill(title);
      for (const row of await page.locator('.pair').all()) {
        const name = (await row.locator('span').first().textContent())?.trim().replaceAll(' ', '_') ?? '';
        const value = at.attributes[name];
        if (value !== undefined) await row.locator('input').last().fill(Array.isArray(value) ? value.join(', ') : String(value));
      }
      await at.shot('new-item');
      await page.getByRole('button', { name: 'Put the item' }).click();
      await see(page, 'h1', title);
      if (at.live) await see(page, '.ready', 'Recommendable now');
      await see(page, 'section[aria-label="Similar items"] ol > li');
      await settled(page);
      await at.shot('new-item-ready');
    },
  },
  {
    name: 'the release card',
    async run(page, at) {
      await page.goto(`${at.url}/#/release`);
      await see(page, 'h1', at.live || 'Release');
      if (!at.live) return;
      await see(page, '.about .tag', 'live');
      await see(page, 'section[aria-label="Training loss"] canvas');
      await see(page, 'section[aria-label="Semantic IDs"] tbody tr');
      await see(page, 'section[aria-label="Data"] dd');
      await see(page, 'section[aria-label="Releases"] li');
      await see(page, 'section[aria-label="Evaluation"] tbody tr, section[aria-label="Evaluation"] .blank');
      await settled(page);
      await at.shot('release');
    },
  },
  {
    name: 'four lines to try',
    async run(page, at) {
      await page.goto(`${at.url}/#/try`);
      await see(page, 'pre', 'curl');
      await settled(page);
      assert((await page.locator('pre', { hasText: 'curl -s' }).count()) === 4, 'four curl lines wanted');
      await page.getByRole('button', { name: 'Run' }).first().click();
      await see(page, '.answer', 'answered');
      await page.getByRole('button', { name: 'Copy' }).first().click();
      await see(page, 'button', 'Copied');
      await at.shot('try');
    },
  },
  {
    name: 'the keyboard alone finds an item',
    async run(page, at) {
      await page.goto(`${at.url}/#/release`);
      await see(page, 'h1', 'Release');
      await page.keyboard.press('/');
      await page.keyboard.type(at.item.title);
      await see(page, '[role=option]', at.item.title);
      await page.locator('[role=option]', { hasText: at.item.title }).first().waitFor();
      while (!(await page.locator('[role=option][aria-selected=true]').textContent()).includes(at.item.title)) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await see(page, 'h1', at.item.title);
    },
  },
  {
    name: 'a degraded answer, a failing server and a silent one are shown plainly',
    async run(page, at) {
      await page.route('**/v1/recommend', async (route) => {
        const response = await route.fetch();
        const body = await response.json();
        await route.fulfill({ response, json: { ...body, degraded: [{ part: 'encoder', why: 'the encoder file is not there' }] } });
      });
      await openPerson(page, at);
      await see(page, '.degraded', 'the encoder file is not there');
      await at.shot('degraded');
      await page.unroute('**/v1/recommend');
      at.expectFailures(50);
      await page.route('**/v1/recommend', (route) =>
        route.fulfill({ status: 500, json: { error: { code: 'internal', message: 'something broke on purpose' } } }),
      );
      await page.reload();
      await see(page, '.failure', 'something broke on purpose');
      await page.unroute('**/v1/recommend');
      await page.getByRole('button', { name: 'Try again' }).first().click();
      await rows(page).first().waitFor({ timeout: kPatienceMs });
      await page.route(/\/(v1|admin|version)/, (route) => route.abort());
      await page.reload();
      await see(page, '.offline');
      await at.shot('offline');
      await page.unroute(/\/(v1|admin|version)/);
    },
  },
  {
    name: 'a server with a key asks for it once',
    async run(page, at) {
      at.expectFailures(50);
      await page.route(/\/(v1|admin)\//, (route) =>
        route.request().headers().authorization === 'Bearer right'
          ? route.continue()
          : route.fulfill({ status: 401, json: { error: { code: 'invalid_argument', message: 'an API key is needed' } } }),
      );
      await page.goto(`${at.url}/#/items`);
      await see(page, 'h1', 'asks for a key');
      await page.getByLabel('API key').fill('wrong');
      await page.getByRole('button', { name: 'Open the console' }).click();
      await see(page, '[role=alert]', 'not accepted');
      await at.shot('key');
      await page.getByLabel('API key').fill('right');
      await page.getByRole('button', { name: 'Open the console' }).click();
      await see(page, 'ul[aria-label="Items found"] li');
    },
  },
  {
    name: 'unknown people, items and pages say what to do',
    async run(page, at) {
      at.expectFailures(50);
      await page.goto(`${at.url}/#/people/no-such-person-here`);
      await see(page, '.blank', 'No person');
      await page.goto(`${at.url}/#/items/no-such-item-here`);
      await see(page, '.blank', 'No item');
      await page.goto(`${at.url}/#/no-such-page`);
      await see(page, '.blank', 'no such page');
    },
  },
];
