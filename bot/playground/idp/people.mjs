// Who can sign in, and what a token says of each of them.

import { randomUUID } from 'node:crypto';

export const ONE_FACTOR = 'urn:valetkey:playground:one-factor';
export const TWO_FACTORS = 'urn:valetkey:playground:two-factors';

const GROUPS_ELSEWHERE = 'https://graph.invalid/groups';

export class People {
  #people;

  #clients;

  constructor(people, clients) {
    this.#people = people.map((person) => ({ ...person }));
    this.#clients = new Map(clients.map((client) => [client.client_id, client]));
  }

  get all() {
    return this.#people;
  }

  byKey(key) {
    return this.#people.find((person) => person.key === key);
  }

  bySubject(subject) {
    return this.#people.find((person) => person.active && person.subject === subject);
  }

  change(key, facts) {
    const person = this.byKey(key);
    if (!person) throw new Error(`nobody is called ${key}`);
    Object.assign(person, facts);
  }

  /** Every claim that somebody's token may carry, by the scope that asks for it. */
  get claimsByScope() {
    const paths = [...this.#clients.values()].map((client) => client.groups_path[0]);
    const extra = this.#people.flatMap((person) => Object.keys(person.extra_claims));
    return {
      openid: ['sub', 'jti', 'auth_time', 'acr', 'amr', ...extra],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
      groups: [...new Set(['groups', 'hasgroups', ...paths])],
    };
  }

  claimsOf(person, clientId) {
    const path = this.#clients.get(clientId)?.groups_path ?? ['groups'];
    return {
      sub: person.subject,
      // The API server's audit log names a token by it.
      jti: randomUUID(),
      name: person.name,
      preferred_username: person.key,
      ...(person.email === null ? {} : { email: person.email, email_verified: person.email_verified }),
      ...groupsOf(person, path),
      ...person.extra_claims,
    };
  }
}

function groupsOf(person, path) {
  switch (person.groups_sent) {
    case 'missing':
      return {};
    case 'claim-names':
      return {
        _claim_names: { [path[0]]: 'src1' },
        _claim_sources: { src1: { endpoint: GROUPS_ELSEWHERE } },
      };
    case 'hasgroups':
      return { hasgroups: true };
    case 'string':
      return nested(path, person.groups.join(','));
    default:
      return nested(path, person.groups);
  }
}

function nested(path, value) {
  return path.reduceRight((inner, name) => ({ [name]: inner }), value);
}
