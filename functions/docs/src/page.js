"use strict";

// Text only ever comes in as text.
function element(name, ...content) {
  const [tag, className] = name.split(".");
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content.flat().filter((part) => part !== undefined && part !== ""));
  return made;
}

// `code` within text.
function prose(text = "") {
  return text.split("`").map((part, place) => (place % 2 ? element("code", part) : part));
}

function show(api) {
  const resolve = (thing) => {
    if (!thing?.$ref) return thing;
    const found = thing.$ref.slice(2).split("/").reduce((place, name) => place[name], api);
    return { ...resolve(found), ...thing };
  };
  const nameOf = (schema) => schema.$ref?.split("/").pop();

  function example(schema) {
    schema = resolve(schema);
    if (schema.examples) return schema.examples[0];
    if ("const" in schema) return schema.const;
    if (schema.enum) return schema.enum[0];
    for (const part of schema.allOf ?? schema.anyOf?.slice(0, 1) ?? []) {
      const of = example(part);
      if (!schema.properties?.code) return of;
      return { type: of.type, title: "…", status: "…", code: schema.properties.code.enum.join(" | "), detail: "…" };
    }
    return undefined;
  }

  function kind(schema) {
    const given = schema;
    schema = resolve(schema);
    if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
    if (schema.enum) return schema.enum.length > 12 ? "one of " + schema.enum.length + " codes" : schema.enum.join(" | ");
    if ("const" in schema) return JSON.stringify(schema.const);
    if (schema.type === "array" || schema.type?.includes?.("array")) return "list of " + (nameOf(schema.items) ?? kind(schema.items));
    const bounds = [];
    if (schema.minLength !== undefined) bounds.push(`${schema.minLength} to ${schema.maxLength ?? "…"} characters`);
    if (schema.minimum !== undefined) bounds.push(schema.maximum > 1e15 ? `from ${schema.minimum}` : `${schema.minimum} to ${schema.maximum}`);
    if (schema.default !== undefined) bounds.push(`default ${schema.default}`);
    const type = schema.format ?? [schema.type ?? nameOf(given) ?? "object"].flat().join(" or ");
    return [type, ...bounds].join(", ");
  }

  const row = (name, required, schema, description) =>
    element("tr",
      element("td", element("code", name), required ? " *" : ""),
      element("td", prose(description ?? resolve(schema).description), " ", element("small", kind(schema))));

  // The fields of an object, and of the objects in it.
  function fields(schema, before = "") {
    schema = resolve(schema);
    if (schema.anyOf) return fields(schema.anyOf[0], before);
    if (schema.allOf) return [...fields(schema.allOf[0], before), ...fields({ ...schema, allOf: undefined }, before)];
    if (schema.items) return fields(schema.items, before + "[]");
    return Object.entries(schema.properties ?? {}).flatMap(([name, of]) => {
      const path = before ? before + "." + name : name;
      return [row(path, schema.required?.includes(name), of), ...fields(of, path)];
    });
  }

  const content = (of, isRequest) =>
    Object.entries(of ?? {}).flatMap(([type, { schema }]) => {
      const shown = example(schema);
      const text = typeof shown === "string" ? shown : JSON.stringify(shown, null, 2);
      return [
        element("p.soft", element("code", type), nameOf(schema) ? " " + nameOf(schema) : ""),
        isRequest || type === "application/json" ? element("table", fields(schema)) : undefined,
        shown === undefined ? undefined : element("pre", text),
      ];
    });

  function response([status, given]) {
    const of = resolve(given);
    const headers = Object.entries(of.headers ?? {}).map(([name, header]) => {
      header = resolve(header);
      return row(name, header.required, header.schema, header.description);
    });
    return element("details",
      element("summary", element("b", status), " ", element("span", prose(of.description))),
      element("div", content(of.content), headers.length ? element("h3", "Headers") : undefined, element("table", headers)));
  }

  function operation(path, method, of, shared) {
    const parameters = [...(shared ?? []), ...(of.parameters ?? [])].map(resolve);
    const scopes = (of.security ?? api.security).flatMap((need) => need.jwt ?? []);
    const token = of.security?.length === 0 ? "No token." : scopes.length ? `Token with the scope ${scopes.join(", ")}.` : "Token.";
    const details = element("details",
      element("summary", element("b.method " + method.toUpperCase(), method.toUpperCase()), path, " ", element("span", prose(of.summary))),
      element("div",
        element("p", prose(of.description)),
        element("p.soft", token),
        parameters.length ? element("h3", "Parameters") : undefined,
        element("table", parameters.map((each) =>
          row(each.name, each.required, each.schema, `${each.description ?? ""} (${each.in})`))),
        of.requestBody ? element("h3", "Body" + (of.requestBody.required ? "" : " (may be absent)")) : undefined,
        content(of.requestBody?.content, true),
        element("h3", "Responses"),
        Object.entries(of.responses).map(response)));
    details.id = of.operationId;
    return details;
  }

  const methods = ["get", "put", "post", "delete", "patch"];
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method]).map((method) => [path, method, item[method], item.parameters]));
  const link = element("a", "openapi.json");
  link.href = "openapi.json";
  document.querySelector("main").replaceChildren(
    element("h1", api.info.title),
    element("p.soft", api.info.summary, " Version ", api.info.version, ". ", link),
    element("p", prose(api.info.description)),
    ...api.tags.flatMap((tag) => [
      element("h2", tag.name),
      element("p.soft", prose(tag.description)),
      ...operations.filter(([, , of]) => of.tags.includes(tag.name)).map((each) => operation(...each)),
    ]));
  const linked = document.getElementById(location.hash.slice(1));
  if (linked) {
    linked.open = true;
    linked.scrollIntoView();
  }
}

fetch("openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => document.querySelector("main").append(element("p", "It could not be shown: " + error)));
