// The sign-in page: shows the people, and takes the click on one of them.

import { ONE_FACTOR, TWO_FACTORS } from './people.mjs';
import * as pages from './pages.mjs';

const BODY_LIMIT_BYTES = 4096;

/** Answer `/sign-in/<uid>`: GET shows the cards, POST signs the chosen person in. */
export async function signIn(provider, people, req, res) {
  let interaction;
  try {
    interaction = await provider.interactionDetails(req, res);
  } catch {
    pages.send(res, 400, pages.error({ error: 'This sign-in is over', error_description: 'Start again from where you came.' }));
    return;
  }
  if (req.method === 'POST') await take(provider, people, interaction, req, res);
  else await show(provider, people, interaction, res);
}

async function show(provider, people, interaction, res, notice) {
  const client = await provider.Client.find(interaction.params.client_id);
  pages.send(res, notice ? 403 : 200, pages.signIn({
    uid: interaction.uid,
    application: client.clientName ?? client.clientId,
    people: people.all,
    secondFactorAsked: asksForSecondFactor(interaction),
    hint: interaction.params.login_hint,
    notice,
  }));
}

async function take(provider, people, interaction, req, res) {
  const form = new URLSearchParams(await read(req));
  if (form.get('cancel')) {
    await provider.interactionFinished(req, res, {
      error: 'access_denied',
      error_description: 'The person cancelled the sign-in',
    }, { mergeWithLastSubmission: false });
    return;
  }
  const person = people.byKey(form.get('person'));
  const two = form.get('factor') === 'two';
  if (!person?.active || (two && !person.second_factor)) {
    await show(provider, people, interaction, res, 'This account cannot sign in that way.');
    return;
  }
  const next = await provider.interactionResult(req, res, {
    login: {
      accountId: person.subject,
      acr: two ? TWO_FACTORS : ONE_FACTOR,
      amr: two ? ['pwd', 'otp', 'mfa'] : ['pwd'],
    },
  }, { mergeWithLastSubmission: false });
  await leaveFormerPerson(provider, interaction, person);
  res.writeHead(303, { location: next }).end();
}

/**
 * Let go of whoever this browser was signed in as. Left alone, oidc-provider would first send
 * a page that submits itself by script to sign the former person out, which no person needs
 * to see here and which a client without scripts could not follow.
 */
async function leaveFormerPerson(provider, interaction, person) {
  const former = interaction.session;
  if (!former?.uid || former.accountId === person.subject) return;
  const session = await provider.Session.findByUid(former.uid);
  if (!session) return;
  session.accountId = undefined;
  session.authorizations = undefined;
  await session.persist();
}

function asksForSecondFactor({ params }) {
  if (params.acr_values?.split(' ').includes(TWO_FACTORS)) return true;
  const acr = params.claims ? JSON.parse(params.claims)?.id_token?.acr : undefined;
  return acr?.value === TWO_FACTORS || Boolean(acr?.values?.includes(TWO_FACTORS));
}

async function read(req) {
  let size = 0;
  const chunks = [];
  for await (const chunk of req) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) throw new Error('the form is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
