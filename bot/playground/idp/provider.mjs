// One oidc-provider, set up as strictly as a company's would be. Keys and clients are fixed at
// construction, so a rotation builds the next one over the same memory.

import { ONE_FACTOR, TWO_FACTORS } from './people.mjs';
import * as pages from './pages.mjs';

const SCOPES = ['openid', 'email', 'profile', 'groups'];

export function buildProvider({ Provider, interactionPolicy }, state) {
  const { config, people, keys, memory, issuer } = state;
  return new Provider(issuer, {
    adapter: (model) => memory.adapterFor(model),
    jwks: { keys },
    clients: config.clients.map(({ groups_path: _path, ...metadata }) => metadata),
    clientDefaults: { grant_types: ['authorization_code'], response_types: ['code'] },
    scopes: SCOPES,
    claims: people.claimsByScope,
    // Most companies' providers put email and groups into the ID token itself.
    conformIdTokenClaims: false,
    acrValues: [ONE_FACTOR, TWO_FACTORS],
    pkce: { required: () => true },
    responseTypes: ['code'],
    cookies: cookies(config.cookie_key),
    ttl: lifetimes(config.id_token_seconds),
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    clientBasedCORS: () => false,
    findAccount: (ctx, subject) => accountOf(people, ctx, subject),
    loadExistingGrant: (ctx) => grantWithoutAsking(ctx),
    interactions: {
      policy: loginPolicy(interactionPolicy, config.single_sign_on),
      url: (_ctx, interaction) => `/sign-in/${interaction.uid}`,
    },
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = pages.error(out);
    },
    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      deviceFlow: deviceFlow(),
    },
  });
}

function cookies(key) {
  // Every port of localhost shares one cookie jar: the names must not meet anybody else's.
  const options = { httpOnly: true, secure: true, sameSite: 'lax' };
  return {
    keys: [key],
    names: { session: '_idp_session', interaction: '_idp_interaction', resume: '_idp_resume' },
    long: options,
    short: options,
  };
}

function lifetimes(idTokenSeconds) {
  const hour = 3600;
  return {
    AccessToken: hour,
    AuthorizationCode: 60,
    DeviceCode: 600,
    Grant: 24 * hour,
    IdToken: idTokenSeconds,
    Interaction: hour,
    Session: 24 * hour,
  };
}

function accountOf(people, ctx, subject) {
  const person = people.bySubject(subject);
  if (!person) return undefined;
  return {
    accountId: subject,
    claims: () => people.claimsOf(person, ctx.oidc.client?.clientId),
  };
}

/** A company's own applications are trusted: nobody is asked for consent. */
async function grantWithoutAsking(ctx) {
  const { client, session, provider } = ctx.oidc;
  const known = session.grantIdFor(client.clientId);
  const found = known ? await provider.Grant.find(known) : undefined;
  const grant = found ?? new provider.Grant({
    clientId: client.clientId,
    accountId: session.accountId,
  });
  grant.addOIDCScope(SCOPES.join(' '));
  grant.addOIDCClaims(ctx.oidc.requestParamClaims ? [...ctx.oidc.requestParamClaims] : []);
  await grant.save();
  return grant;
}

function loginPolicy({ base, Check }, singleSignOn) {
  const policy = base();
  policy.remove('consent');
  const { checks } = policy.get('login');
  const ask = (reason, description, needed) => checks.add(new Check(
    reason,
    description,
    ({ oidc }) => !oidc.result?.login && needed(oidc),
  ));
  ask('always_ask', 'each sign-in chooses a person', () => !singleSignOn);
  ask('account_gone', 'the account is deactivated', (oidc) => Boolean(oidc.session.accountId && !oidc.account));
  ask('acr_wanted', 'a stronger sign-in was asked for', (oidc) => {
    const wanted = oidc.params.acr_values?.split(' ') ?? [];
    return wanted.length > 0 && !wanted.includes(oidc.acr);
  });
  return policy;
}

function deviceFlow() {
  return {
    enabled: true,
    userCodeInputSource: async (ctx, form, _out, error) => {
      ctx.body = pages.deviceInput(form, error);
    },
    userCodeConfirmSource: async (ctx, form, client, _device, code) => {
      ctx.body = pages.deviceConfirm(form, client.clientName ?? client.clientId, code);
    },
    successSource: async (ctx) => {
      ctx.body = pages.deviceDone();
    },
  };
}
