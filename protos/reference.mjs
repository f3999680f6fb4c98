// SPDX-License-Identifier: BSD-3-Clause
// Writes the API reference (docs/api.md) from introduction.md and an image of the protos (`buf build -o IMAGE.json`): comments, roles, fields, enums.
//   node reference.mjs IMAGE.json
import { readFileSync } from "node:fs";

const PACKAGE = "udptunnel.v1";
const ROLE = "[udptunnel.v1.required_role]";
const ROLE_NAMES = { ROLE_CONNECT: "connect", ROLE_LOOK: "look", ROLE_OPERATE: "operate" };

// Field numbers in descriptor.proto, of which the paths of comments consist.
const MESSAGES = 4;
const ENUMS = 5;
const SERVICES = 6;
const MEMBERS = 2; // fields, values, methods
const SYNTAX = 12;

const files = JSON.parse(readFileSync(process.argv[2], "utf8")).file.filter((file) => file.package === PACKAGE);

// The comments of a file by their paths.
function commentsOf(file) {
  const comments = new Map();
  for (const location of file.sourceCodeInfo.location) {
    const all = [...(location.leadingDetachedComments ?? []), location.leadingComments ?? ""];
    const text = all.filter((comment) => !comment.startsWith(" SPDX-")).join("\n").trim();
    if (text !== "") {
      comments.set((location.path ?? []).join("."), text.replace(/^ /gm, ""));
    }
  }
  return (...path) => comments.get(path.join(".")) ?? "";
}

const inline = (comment) => comment.replace(/\s*\n\s*/g, " ").replaceAll("|", "\\|");
const anchor = (name) => name.toLowerCase();
const shortName = (type) => type.slice(type.lastIndexOf(".") + 1);
const linked = (type) => (type.startsWith(`.${PACKAGE}.`) ? `[${shortName(type)}](#${anchor(shortName(type))})` : `\`${type.slice(1)}\``);

function typeOf(field) {
  const type = field.typeName ? linked(field.typeName) : `\`${field.type.slice("TYPE_".length).toLowerCase()}\``;
  return field.label === "LABEL_REPEATED" ? `repeated ${type}` : type;
}

function table(heads, rows) {
  return [`| ${heads.join(" | ")} |`, `|${" --- |".repeat(heads.length)}`, ...rows.map((row) => `| ${row.join(" | ")} |`)];
}

const stream = (isStream, type) => (isStream ? `stream of ${linked(type)}` : linked(type));

function service(declared, at, comments) {
  const lines = [`## ${declared.name}`, ""];
  const text = comments(SERVICES, at);
  if (text !== "") {
    lines.push(text, "");
  }
  const rows = declared.method.map((method, i) => [
    `\`${method.name}\``,
    stream(method.clientStreaming, method.inputType),
    stream(method.serverStreaming, method.outputType),
    ROLE_NAMES[method.options[ROLE]],
    inline(comments(SERVICES, at, MEMBERS, i)),
  ]);
  return [...lines, ...table(["method", "takes", "gives", "role", ""], rows), ""];
}

function message(declared, at, comments) {
  const lines = [`### ${declared.name}`, ""];
  const text = comments(MESSAGES, at);
  if (text !== "") {
    lines.push(text, "");
  }
  const rows = (declared.field ?? []).map((field, i) => [
    field.number,
    `\`${field.name}\``,
    typeOf(field),
    inline(comments(MESSAGES, at, MEMBERS, i)),
  ]);
  return [...lines, ...(rows.length > 0 ? table(["", "field", "type", ""], rows) : ["No fields."]), ""];
}

function enumeration(declared, at, comments) {
  const lines = [`### ${declared.name}`, ""];
  const text = comments(ENUMS, at);
  if (text !== "") {
    lines.push(text, "");
  }
  const rows = declared.value.map((value, i) => [
    value.number ?? 0,
    `\`${value.name}\``,
    inline(comments(ENUMS, at, MEMBERS, i)),
  ]);
  return [...lines, ...table(["", "value", ""], rows), ""];
}

const output = [
  "# Control API",
  "",
  "<!-- Written by protos/lint --update from protos/introduction.md and protos/udptunnel/v1. Change it there. -->",
  "",
  readFileSync(new URL("introduction.md", import.meta.url), "utf8"),
];
for (const file of files) {
  const comments = commentsOf(file);
  output.push(...(file.service ?? []).flatMap((declared, at) => service(declared, at, comments)));
}
for (const file of files) {
  const comments = commentsOf(file);
  output.push(`## ${file.name}`, "", comments(SYNTAX), "");
  output.push(...(file.messageType ?? []).flatMap((declared, at) => message(declared, at, comments)));
  output.push(...(file.enumType ?? []).flatMap((declared, at) => enumeration(declared, at, comments)));
}
process.stdout.write(`${output.join("\n").trimEnd()}\n`);
