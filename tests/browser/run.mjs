// Runs the console's journeys in a real browser against a running server.
//   node run.mjs --url http://127.0.0.1:7600 [--out DIR] [--only TEXT]
// PENCHANT_CHROMIUM names another browser than /usr/bin/chromium. Exit: 0 all passed, 1 some failed,
// 2 could not start. The journeys add events of new people and a few items to the server's data.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { journeys, lookAround } from './suite.mjs';

const kSizes = [
  { tag: '1280x800', width: 1280, height: 800 },
  { tag: '390x844', width: 390, height: 844 },
];
const kBrowserFlags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

function option(name, otherwise) {
  const place = process.argv.indexOf(name);
  return place > 0 ? process.argv[place + 1] : otherwise;
}

const url = (option('--url', 'http://127.0.0.1:7600') ?? '').replace(/\/$/, '');
const out = option('--out', '');
const only = option('--only', '');

async function post(path, body) {
  const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
}

/** One journey in a fresh page; resolves to a list of what went wrong. */
async function travel(browser, size, journey, facts) {
  const context = await browser.newContext({ viewport: { width: size.width, height: size.height }, colorScheme: 'light' });
  const page = await context.newPage();
  const wrong = [];
  let allowedFailures = 0;
  page.on('pageerror', (error) => wrong.push(`script error: ${error.message}`));
  page.on('console', (entry) => {
    if (entry.type() !== 'error') return;
    if (/Failed to load resource/.test(entry.text()) && allowedFailures > 0) allowedFailures -= 1;
    else wrong.push(`console error: ${entry.text()} ${entry.location().url}`);
  });
  page.on('request', (request) => {
    const target = request.url();
    if (!target.startsWith(url) && !/^(data|blob|about):/.test(target)) wrong.push(`asks another host: ${target}`);
  });
  const shot = async (name) => {
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wider > 0) wrong.push(`${name}: the page is ${wider} px wider than the window`);
    const words = (await page.locator('main').innerText()).trim();
    if (words.length < 20) wrong.push(`${name}: the page shows no text`);
    if (/\bundefined\b|\bNaN\b|\[object Object\]/.test(words)) wrong.push(`${name}: the page shows undefined, NaN or an object`);
    if (out) await page.screenshot({ path: join(out, `${name}-${size.tag}.png`) });
  };
  const at = { ...facts, url, tag: size.tag, post, shot, expectFailures: (count) => (allowedFailures += count) };
  try {
    await journey.run(page, at);
  } catch (error) {
    wrong.push(String(error.message ?? error).split('\n').slice(0, 6).join('\n    '));
    if (out) await page.screenshot({ path: join(out, `failed-${journey.name.replace(/[^a-z0-9]+/gi, '-')}-${size.tag}.png`) }).catch(() => {});
  }
  await context.close();
  return wrong;
}

async function main() {
  if (out) mkdirSync(out, { recursive: true });
  const facts = await lookAround(url);
  const browser = await chromium.launch({ executablePath: process.env.PENCHANT_CHROMIUM ?? '/usr/bin/chromium', args: kBrowserFlags });
  let passed = 0;
  let failed = 0;
  for (const size of kSizes) {
    for (const journey of journeys.filter((one) => one.name.includes(only))) {
      const began = performance.now();
      const wrong = await travel(browser, size, journey, facts);
      const took = `${((performance.now() - began) / 1000).toFixed(1)} s`;
      if (wrong.length) failed += 1;
      else passed += 1;
      console.log(`${wrong.length ? 'FAIL' : 'ok  '}  ${size.tag}  ${journey.name}  (${took})`);
      for (const one of wrong) console.log(`    ${one}`);
    }
  }
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  return failed ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`The browser tests could not start: ${error.message}`);
    process.exit(2);
  },
);
