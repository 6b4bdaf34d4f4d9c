// Signing keys, made new at each start: nothing that the playground signs outlives it.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

function signingKey(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  const kid = `${alg.toLowerCase()}-${randomBytes(6).toString('hex')}`;
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

/** One RS256 and one ES256 key, each under a kid never used before. */
export function newKeys() {
  return [
    signingKey('rsa', { modulusLength: 2048 }, 'RS256'),
    signingKey('ec', { namedCurve: 'P-256' }, 'ES256'),
  ];
}
