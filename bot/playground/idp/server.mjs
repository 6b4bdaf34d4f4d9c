// The playground's identity provider: `node server.mjs <folder with node_modules> <settings file>`.
//
// Its settings come from a file that only its owner reads, so that no secret stands among the
// process arguments or in the environment. Once it listens it writes the `ready_file` that the
// settings name.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

import { controlServer } from './control.mjs';
import { newKeys } from './keys.mjs';
import { Memory } from './memory.mjs';
import { People } from './people.mjs';
import { buildProvider } from './provider.mjs';
import { signIn } from './signin.mjs';

const ROUTES = {
  '/.well-known/openid-configuration': 'discovery',
  '/jwks': 'jwks',
  '/token': 'token',
  '/auth': 'authorization',
  '/me': 'userinfo',
  '/device/auth': 'device',
};

async function load(folder) {
  const entry = createRequire(join(folder, 'package.json')).resolve('oidc-provider');
  const { Provider, interactionPolicy } = await import(pathToFileURL(entry));
  return { Provider, interactionPolicy };
}

/** Hold or spoil the answer of one route as told; true when it was answered here. */
async function faulted(fault, res) {
  if (!fault) return false;
  if (fault.stall) {
    await new Promise((go) => { fault.waiting.push(go); });
  }
  if (fault.status === null) return false;
  res.writeHead(fault.status, { 'content-type': fault.content_type, ...fault.headers });
  res.end(fault.body);
  return true;
}

function actionsOn(state, rebuild) {
  return {
    rotate({ forget_old: forgetOld }) {
      state.keys = [...newKeys(), ...(forgetOld ? [] : state.keys)];
      rebuild();
      return state.keys.map((key) => key.kid);
    },
    person({ key, facts }) {
      state.people.change(key, facts);
      rebuild();
    },
    age({ seconds }) {
      state.memory.age(seconds);
    },
    fault({ route, ...fault }) {
      state.faults.get(route)?.waiting.forEach((go) => go());
      state.faults.set(route, { ...fault, waiting: [] });
    },
    heal() {
      for (const { waiting } of state.faults.values()) waiting.forEach((go) => go());
      state.faults.clear();
    },
    counts() {
      return Object.fromEntries(state.counts);
    },
  };
}

async function main() {
  const config = JSON.parse(readFileSync(process.argv[3], 'utf8'));

  const library = await load(process.argv[2]);
  const state = {
    config,
    keys: newKeys(),
    memory: new Memory(),
    people: new People(config.people, config.clients),
    faults: new Map(),
    counts: new Map(),
  };
  let provider;
  let callback;
  const rebuild = () => {
    provider = buildProvider(library, state);
    provider.on('server_error', (_ctx, error) => process.stderr.write(`${error.stack}\n`));
    callback = provider.callback();
  };

  const tls = { cert: readFileSync(config.cert_file), key: readFileSync(config.key_file) };
  const server = createServer(tls, async (req, res) => {
    const path = req.url.split('?', 1)[0];
    const route = ROUTES[path];
    if (route) state.counts.set(route, (state.counts.get(route) ?? 0) + 1);
    if (await faulted(state.faults.get(route), res)) return;
    if (path.startsWith('/sign-in/')) {
      signIn(provider, state.people, req, res).catch((error) => {
        process.stderr.write(`${error.stack}\n`);
        res.writeHead(500).end();
      });
      return;
    }
    callback(req, res);
  });
  await new Promise((ready) => { server.listen(config.port, '127.0.0.1', ready); });
  state.issuer = `https://localhost:${config.public_port ?? server.address().port}`;
  rebuild();

  const control = controlServer(config.control_token, actionsOn(state, rebuild));
  await new Promise((ready) => { control.listen(0, '127.0.0.1', ready); });
  const addresses = {
    issuer: state.issuer,
    port: server.address().port,
    control: `http://127.0.0.1:${control.address().port}`,
  };
  // Whoever waits for the file must never read half of it.
  writeFileSync(`${config.ready_file}.part`, JSON.stringify(addresses));
  renameSync(`${config.ready_file}.part`, config.ready_file);
}

await main();
