// The puppeteer's door: lets a test change what the provider is and how it behaves.
// Loopback only, and only with the token that the starting process made.

import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const digest = (text) => createHash('sha256').update(text).digest();

/** Serve `POST /<action>` with a JSON body; `actions` maps each name to what it does. */
export function controlServer(token, actions) {
  const expected = digest(`Bearer ${token}`);
  return createServer(async (req, res) => {
    const answer = (status, body) => {
      res.writeHead(status, { 'content-type': 'application/json' });
      res.end(JSON.stringify(body));
    };
    if (!timingSafeEqual(digest(req.headers.authorization ?? ''), expected)) {
      answer(401, { error: 'the token is wrong' });
      return;
    }
    const action = actions[req.url.slice(1)];
    if (req.method !== 'POST' || !action) {
      answer(404, { error: 'no such action' });
      return;
    }
    try {
      const chunks = await Array.fromAsync(req);
      answer(200, (await action(JSON.parse(Buffer.concat(chunks).toString() || '{}'))) ?? {});
    } catch (error) {
      answer(400, { error: error.message });
    }
  });
}
