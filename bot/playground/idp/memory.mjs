// Where oidc-provider keeps sessions, codes and grants: one Map for the life of the process.
// It stands outside the provider so that a provider rebuilt with other keys or people still
// knows who is signed in.

const GRANTABLE = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode']);

export class Memory {
  #rows = new Map();

  adapterFor(model) {
    return new Adapter(model, this.#rows);
  }

  /** Make every sign-in, and every code not redeemed yet, look `seconds` older. */
  age(seconds) {
    for (const [key, { payload }] of this.#rows) {
      if (key.startsWith('Session:') && payload.loginTs) payload.loginTs -= seconds;
      if (key.startsWith('AuthorizationCode:') && payload.authTime) payload.authTime -= seconds;
    }
  }
}

class Adapter {
  constructor(model, rows) {
    this.model = model;
    this.rows = rows;
  }

  async upsert(id, payload, expiresInSeconds) {
    const until = expiresInSeconds === undefined ? Infinity : Date.now() + expiresInSeconds * 1000;
    this.rows.set(`${this.model}:${id}`, { payload, until });
  }

  async find(id) {
    const key = `${this.model}:${id}`;
    const row = this.rows.get(key);
    if (row && row.until <= Date.now()) this.rows.delete(key);
    return row && row.until > Date.now() ? row.payload : undefined;
  }

  async findByUid(uid) {
    return this.#first((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode) {
    return this.#first((payload) => payload.userCode === userCode);
  }

  async consume(id) {
    const row = this.rows.get(`${this.model}:${id}`);
    if (row) row.payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.rows.delete(`${this.model}:${id}`);
  }

  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of this.rows) {
      if (payload.grantId === grantId && GRANTABLE.has(key.split(':', 1)[0])) this.rows.delete(key);
    }
  }

  #first(matches) {
    const prefix = `${this.model}:`;
    for (const [key, { payload, until }] of this.rows) {
      if (key.startsWith(prefix) && until > Date.now() && matches(payload)) return payload;
    }
    return undefined;
  }
}
