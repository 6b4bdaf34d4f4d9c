// What a person sees: HTML in one piece, no script, nothing loaded from anywhere.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const STYLE = readFileSync(new URL('./pages.css', import.meta.url), 'utf8');
const STYLE_DIGEST = createHash('sha256').update(STYLE).digest('base64');
// No `form-action`: Chromium applies it to the redirect back to the application as well.
const POLICY = `default-src 'none'; style-src 'sha256-${STYLE_DIGEST}'; base-uri 'none'; frame-ancestors 'none'`;
const HUES = [212, 262, 172, 22, 332, 92, 45, 292];

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const text = (value) => String(value).replace(/[&<>"']/g, (sign) => ENTITIES[sign]);

export function send(res, status, html) {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': POLICY,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  res.end(html);
}

function page(title, body, wide = false) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main class="${wide ? 'wide' : 'narrow'}">
<header><span class="mark" aria-hidden="true"></span><span>Company login</span><span class="tag">playground</span></header>
${body}
</main>
<footer>A real OpenID provider on this machine only. Nobody here has a password.</footer>
</body>
</html>`;
}

/** The chooser: one card for each person, whoever the application hinted at first. */
export function signIn({ uid, application, people, secondFactorAsked, hint, notice }) {
  const hinted = (person) => hint !== undefined && [person.key, person.email].includes(hint);
  const order = [...people].sort((one, other) => hinted(other) - hinted(one));
  const cards = order.map((person) => card(person, people.indexOf(person), {
    uid, secondFactorAsked, first: hinted(person),
  }));
  return page(`Sign in to ${application}`, `
<h1>Who are you today?</h1>
<p class="lead">to go on to <strong>${text(application)}</strong></p>
${notice ? `<p class="notice" role="alert">${text(notice)}</p>` : ''}
${secondFactorAsked ? '<p class="notice">This application asks for a second factor.</p>' : ''}
<ul class="people">${cards.join('')}</ul>
<form method="post" action="/sign-in/${text(uid)}"><button class="plain" name="cancel" value="yes">Cancel and go back</button></form>`, true);
}

function card(person, index, { uid, secondFactorAsked, first }) {
  const strong = secondFactorAsked && person.second_factor;
  const hue = HUES[index % HUES.length];
  return `
<li${first ? ' class="first"' : ''}>
<form method="post" action="/sign-in/${text(uid)}" data-person="${text(person.key)}">
<input type="hidden" name="person" value="${text(person.key)}">
<button class="person" name="factor" value="${strong ? 'two' : 'one'}"${person.active ? '' : ' disabled'}
 aria-label="Sign in as ${text(person.name)}${strong ? ' with second factor' : ''}">
${avatar(person.name, hue)}
<span class="who"><b>${text(person.name)}</b><span class="title">${text(person.title)}</span>
<span class="email">${person.email === null ? 'no email' : text(person.email)}${person.email_verified ? '' : ' <i>not verified</i>'}</span></span>
</button>
<div class="foot"><span class="groups">${groups(person)}</span>${factor(person, secondFactorAsked)}</div>
</form>
</li>`;
}

function avatar(name, hue) {
  const letters = name.split(/\s+/).map((word) => word[0]).slice(0, 2).join('');
  return `<svg class="face" viewBox="0 0 48 48" aria-hidden="true">
<circle cx="24" cy="24" r="24" fill="hsl(${hue} 56% 38%)"/>
<text x="24" y="25" text-anchor="middle" dominant-baseline="central">${text(letters)}</text></svg>`;
}

function groups(person) {
  if (!person.active) return '<i>deactivated</i>';
  if (person.groups_sent !== 'list') return '<i>groups not sent</i>';
  if (person.groups.length === 0) return '<i>no groups</i>';
  return person.groups.map((group) => `<span>${text(group)}</span>`).join('');
}

function factor(person, secondFactorAsked) {
  if (!person.second_factor || !person.active || secondFactorAsked) return '';
  return `<button class="second" name="factor" value="two" aria-label="Sign in as ${text(person.name)} with second factor">With second factor</button>`;
}

export function error({ error: name, error_description: description }) {
  return page('Sign-in stopped', `
<h1>This sign-in stopped</h1>
<p class="lead"><strong>${text(name)}</strong></p>
<p class="lead">${text(description ?? '')}</p>`);
}

export function deviceInput(form, problem) {
  return page('Connect a device', `
<h1>Connect a device</h1>
<p class="lead">${problem ? 'That code is not known. Try again.' : 'Type the code that your terminal shows.'}</p>
<div class="device">${plain(form)}<button class="go" type="submit" form="op.deviceInputForm">Continue</button></div>`);
}

export function deviceConfirm(form, application, code) {
  return page('Connect a device', `
<h1>Is this your terminal?</h1>
<p class="lead"><strong>${text(application)}</strong> should show this code:</p>
<p class="code">${text(code)}</p>
<div class="device">${form}
<button class="go" type="submit" form="op.deviceConfirmForm">Yes, go on</button>
<button class="plain" type="submit" form="op.deviceConfirmForm" name="abort" value="yes">No, stop</button></div>`);
}

export function deviceDone() {
  return page('Device connected', `
<h1>All done</h1>
<p class="lead">Go back to your terminal; this page can be closed.</p>`);
}

// The library's form carries an inline handler, which the content policy would only report.
function plain(form) {
  return form.replace(/\sonfocus="[^"]*"/, '').replace('</input>', '');
}
