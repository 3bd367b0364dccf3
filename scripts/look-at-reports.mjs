// `npm run report:look -- [--only VIEW] FOLDER=NAME [...]`: opens the report.html of each folder in headless Chromium with the network off,
// and writes docs/images/NAME-wide.png, NAME-narrow.png and NAME-dark.png. A page that asks for anything or that reports an
// error ends it with exit code 1. Skipped, with a word about it, where there is no Chromium.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const images = join(root, 'docs', 'images');
const MOST_BYTES = 300_000;
const views = [
  { name: 'wide', width: 1400, most: 2000, dark: false },
  { name: 'narrow', width: 420, most: 2600, dark: false },
  { name: 'dark', width: 1400, most: 1100, dark: true },
];
const names = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

function findBrowser() {
  return names.filter(Boolean).find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

/** Talks to the browser through two pipes: requests by number, answers and events back. */
class Browser {
  #child;
  #profile = mkdtempSync(join(tmpdir(), 'report-look-'));
  #waiting = new Map();
  #listeners = [];
  #count = 0;
  #rest = '';

  constructor(command) {
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe'];
    this.#child = spawn(command, [...flags, `--user-data-dir=${this.#profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.#child.stdio[4].setEncoding('utf8').on('data', (text) => this.#read(text));
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#count;
    this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  listen(listener) {
    this.#listeners.push(listener);
  }

  async close() {
    const ended = new Promise((done) => this.#child.once('exit', done));
    await this.send('Browser.close');
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #read(text) {
    const parts = (this.#rest + text).split('\0');
    this.#rest = parts.pop();
    for (const part of parts) {
      const { id, result, error, method, params } = JSON.parse(part);
      if (id === undefined) for (const listener of this.#listeners) listener(method, params);
      else if (error) this.#waiting.get(id).reject(new Error(error.message));
      else this.#waiting.get(id).resolve(result);
    }
  }
}

async function look(browser, folder, name) {
  const complaints = [];
  const url = pathToFileURL(join(resolve(folder), 'report.html')).href;
  const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const send = (method, params) => browser.send(method, params, sessionId);
  browser.listen((method, params) => {
    if (method === 'Network.requestWillBeSent' && !/^(file|data):/.test(params.request.url)) {
      complaints.push(`asks for ${params.request.url}`);
    }
    if (method === 'Runtime.exceptionThrown')
      complaints.push(params.exceptionDetails.exception?.description ?? 'threw');
    if (method === 'Log.entryAdded' && params.entry.level === 'error') complaints.push(params.entry.text);
  });
  for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await send(`${domain}.enable`);
  await send('Network.emulateNetworkConditions', {
    offline: true,
    latency: 0,
    downloadThroughput: 0,
    uploadThroughput: 0,
  });
  for (const view of chosen) {
    await send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: view.dark ? 'dark' : 'light' }],
    });
    const metrics = { width: view.width, height: 900, deviceScaleFactor: 1, mobile: false };
    await send('Emulation.setDeviceMetricsOverride', metrics);
    await send('Page.navigate', { url });
    await new Promise((done) => setTimeout(done, 1500));
    const { cssContentSize } = await send('Page.getLayoutMetrics');
    if (cssContentSize.width > view.width) complaints.push(`${view.name}: ${cssContentSize.width} pixels wide`);
    const height = Math.min(view.most, Math.ceil(cssContentSize.height));
    const clip = { x: 0, y: 0, width: view.width, height, scale: 1 };
    const { data } = await send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip });
    const file = join(images, `${name}-${view.name}.png`);
    writeFileSync(file, Buffer.from(data, 'base64'));
    const { size } = statSync(file);
    if (size > MOST_BYTES) complaints.push(`${view.name}: ${size} bytes, at most ${MOST_BYTES} wanted`);
    console.log(`${file}: ${view.width} x ${height} of ${cssContentSize.height}, ${(size / 1000).toFixed(0)} kB`);
  }
  await browser.send('Target.closeTarget', { targetId });
  return [...new Set(complaints)].map((complaint) => `${name}: ${complaint.slice(0, 300)}`);
}

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });
const chosen = views.filter(({ name }) => values.only === undefined || name === values.only);
const pairs = positionals.map((argument) => argument.split('='));
if (
  pairs.length === 0 ||
  chosen.length === 0 ||
  pairs.some(([folder, name]) => !name || !existsSync(join(folder, 'report.html')))
) {
  console.error(
    'usage: npm run report:look -- [--only wide|narrow|dark] FOLDER=NAME [...], where FOLDER has a report.html',
  );
  process.exit(2);
}
const command = findBrowser();
if (command === undefined) {
  console.log('SKIPPED: no Chromium found (CHROMIUM may name one); the reports were not looked at');
  process.exit(0);
}
mkdirSync(images, { recursive: true });
const browser = new Browser(command);
const complaints = [];
try {
  for (const [folder, name] of pairs) complaints.push(...(await look(browser, folder, name)));
} finally {
  await browser.close();
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;
